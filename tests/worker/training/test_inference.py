from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from tests.worker.training.packed_fixtures import VIEW
from worker.training.data.packed import PackedImages
from worker.training.inference import InferenceOptions, evaluating, infer
from worker.training.models.backbones import build_backbone

LOOK = InferenceOptions(VIEW, torch.device("cpu"), batch_size=2)


def by_hand(image: torch.Tensor) -> torch.Tensor:
    """The preprocessing of serving: Pillow and numpy, no line of the training core."""
    whole = Image.fromarray(image.numpy())
    scale = VIEW.resize / min(whole.size)
    width, height = (int(VIEW.resize * side / min(whole.size)) for side in whole.size)
    assert scale > 0
    whole = whole.resize((width, whole.height), Image.Resampling.BILINEAR)
    whole = whole.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - VIEW.size) / 2), round((height - VIEW.size) / 2)
    crop = np.asarray(whole.crop((left, top, left + VIEW.size, top + VIEW.size)), np.float32) / 255
    return torch.from_numpy((crop - np.float32(VIEW.mean)) / np.float32(VIEW.std)).permute(2, 0, 1)


def test_answers_are_those_of_serving_and_in_order(packed: Callable[[int], PackedImages]) -> None:
    images, rows = packed(9), np.array([7, 2, 2, 8, 0])
    network = build_backbone("mobilenet_v3_small", 4, VIEW.size, seed=0)
    (ours,) = infer(network, lambda x: (network(x),), images, rows, LOOK)
    with evaluating(network):
        theirs = network(torch.stack([by_hand(images.image(row)) for row in rows]))
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert ours.shape == (5, 4)


def test_several_answers_of_one_pass(packed: Callable[[int], PackedImages]) -> None:
    images, rows = packed(5), np.arange(5)
    network = build_backbone("squeezenet1_1", 4, VIEW.size, seed=0)

    def everything(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        assert not torch.is_grad_enabled()
        return network.encode(x), network.features(x), network(x)

    encoded, features, logits = infer(network, everything, images, rows, LOOK)
    with evaluating(network):
        assert torch.allclose(network.pool(encoded), features, atol=1e-6)
        assert torch.allclose(network.classify(encoded), logits, atol=1e-6)


def test_the_mode_comes_back_and_nothing_drifts(packed: Callable[[int], PackedImages]) -> None:
    network = build_backbone("mobilenet_v3_small", 4, VIEW.size, seed=0).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    infer(network, lambda x: (network(x),), packed(4), np.arange(4), LOOK)
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def tf32() -> tuple[bool, bool]:
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("before", [(True, False), (False, True), (True, True)])
def test_figures_are_made_without_tf32(
    packed: Callable[[int], PackedImages], before: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And training computes as it did before, also after an error."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", before[0])
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", before[1])
    network, seen = build_backbone("squeezenet1_1", 4, VIEW.size, seed=0), []

    def note(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        seen.append(tf32())
        return (network(x),)

    infer(network, note, packed(2), np.arange(2), LOOK)
    assert seen == [(False, False)]
    assert tf32() == before
    with pytest.raises(RuntimeError, match="on purpose"), evaluating(network):
        raise RuntimeError("on purpose")
    assert tf32() == before


def test_no_image_is_an_error(packed: Callable[[int], PackedImages]) -> None:
    network = build_backbone("squeezenet1_1", 4, VIEW.size, seed=0)
    with pytest.raises(ValueError, match="no image"):
        infer(network, lambda x: (network(x),), packed(4), np.arange(0), LOOK)
