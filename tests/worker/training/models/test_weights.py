import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor

from tests.worker.training.packed_fixtures import pack, photograph_folders, photographs, shared
from worker.training.inference import InferenceOptions, infer
from worker.training.models.backbones import build_backbone
from worker.training.models.weights import load_torchvision_state, torchvision_state
from worker.training.transforms.geometric import Preprocessing

IMAGENET = Preprocessing(size=224, resize=256, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def test_any_number_of_outputs() -> None:
    network = build_backbone("mobilenet_v3_small", 3, 32, seed=0)
    state = torchvision.models.mobilenet_v3_small(num_classes=11).state_dict()
    load_torchvision_state(network, state)
    assert network.outputs == 11
    ours = torchvision_state(network)
    assert all(torch.equal(ours[name], state[name]) for name in state)


def test_counters_of_batch_norm_may_be_absent() -> None:
    network = build_backbone("mobilenet_v3_small", 3, 32, seed=0)
    state = torchvision.models.mobilenet_v3_small(num_classes=3).state_dict()
    load_torchvision_state(network, {name: t for name, t in state.items() if "num_batches" not in name})
    assert torch.equal(network.head.weight, state["classifier.3.weight"])


def test_auxiliary_heads_are_left_out() -> None:
    theirs = torchvision.models.googlenet(num_classes=4, aux_logits=True, init_weights=False)
    network = build_backbone("googlenet", 4, 32, seed=0)
    load_torchvision_state(network, theirs.state_dict())
    assert not any(name.startswith("aux") for name in torchvision_state(network))


def test_names_of_older_releases() -> None:
    state = torchvision.models.densenet121(num_classes=2).state_dict()
    old = {}
    for name, tensor in state.items():
        for part in ("norm", "conv"):
            if "denselayer" in name:
                name = name.replace(f".{part}1.", f".{part}.1.").replace(f".{part}2.", f".{part}.2.")
        old[name] = tensor
    assert old.keys() != state.keys()
    network = build_backbone("densenet121", 2, 32, seed=0)
    load_torchvision_state(network, old)
    assert torch.equal(torchvision_state(network)["features.denseblock4.denselayer16.conv2.weight"],
                       state["features.denseblock4.denselayer16.conv2.weight"])  # fmt: skip


def test_positions_are_interpolated_as_torchvision_does() -> None:
    theirs = torchvision.models.vit_b_32(num_classes=2, image_size=96)
    state = theirs.state_dict()
    state["encoder.pos_embedding"] = torch.randn_like(state["encoder.pos_embedding"])
    network = build_backbone("vit_b_32", 2, 160, seed=0)
    load_torchvision_state(network, state)
    expected = torchvision.models.vision_transformer.interpolate_embeddings(160, 32, dict(state))
    assert torch.equal(torchvision_state(network)["encoder.pos_embedding"], expected["encoder.pos_embedding"])


def broken(state: dict[str, Tensor], fault: str) -> dict[str, Tensor]:
    if fault == "missing":
        return {name: tensor for name, tensor in state.items() if name != "features.1.block.0.0.weight"}
    if fault == "unexpected":
        return state | {"features.99.weight": torch.zeros(1)}
    return state | {"features.0.0.weight": torch.zeros(16, 1, 3, 3)}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("missing", r"missing: features\.1\.block\.0\.0\.weight"),
        ("unexpected", r"unexpected: features\.99\.weight"),
        ("shape", r"of another shape: features\.0\.0\.weight \(16, 1, 3, 3\) instead of \(16, 3, 3, 3\)"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_change_nothing(fault: str, said: str) -> None:
    network = build_backbone("mobilenet_v3_small", 3, 32, seed=0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(ValueError, match=said):
        load_torchvision_state(
            network, broken(torchvision.models.mobilenet_v3_small(num_classes=5).state_dict(), fault)
        )
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_head_that_is_no_matrix_is_refused() -> None:
    state = torchvision.models.mobilenet_v3_small(num_classes=5).state_dict()
    for bad in ({"classifier.3.weight": torch.zeros(())}, {"classifier.3.bias": torch.zeros(4)}):
        with pytest.raises(ValueError, match=r"classifier\.3"):
            load_torchvision_state(build_backbone("mobilenet_v3_small", 5, 32, seed=0), state | bad)


@pytest.mark.parametrize(("name", "least"), [("mobilenet_v2", 0.75), ("squeezenet1_0", 0.5)])
def test_real_weights_know_real_photographs(name: str, least: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    state = load_file(shared(f"weights/{name}_imagenet1k.safetensors"))
    images, numbers = photographs("imagenet_sample100.zip", 256)
    folders = photograph_folders("imagenet_sample100.zip")
    classes = [int(folders[number].split("_")[0]) for number in numbers]
    images = pack(tmp_path_factory.mktemp(name), images, classes, [0] * len(images))
    network = build_backbone(name, 2, 224, seed=0)
    load_torchvision_state(network, state)
    options = InferenceOptions(IMAGENET, torch.device("cpu"), 25)
    logits, features = infer(
        network, lambda x: (network(x), network.features(x)), images, np.arange(len(images)), options
    )
    assert float((logits.argmax(1) == torch.tensor(classes)).float().mean()) > least
    assert features.shape == (len(images), network.feature_dim)
