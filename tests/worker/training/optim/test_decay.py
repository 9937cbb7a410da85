"""Which parameters of which backbones decay."""

from collections import Counter

import pytest
from torch import nn

from tests.worker.training.models.test_backbones import on_meta, size_of
from worker.training.models.backbones import NAMES, build_backbone
from worker.training.optim.optimizers import UNDECAYED, decays

__all__ = ["on_meta"]

# Parameters of two dimensions or more that do not decay, by backbone; all others are matrices and kernels of layers.
BLOCKS = {"convnext_tiny": 18, "convnext_small": 36, "convnext_base": 36, "convnext_large": 36}
SWIN_BLOCKS = {"swin_t": 12, "swin_s": 24, "swin_b": 24}
UNDECAYED_BY_BACKBONE = {
    **{name: {"class_token": 1, "pos_embedding": 1} for name in NAMES if name.startswith("vit_")},
    **{name: {"layer_scale": blocks} for name, blocks in BLOCKS.items()},
    **{name: {"relative_position_bias_table": blocks} for name, blocks in SWIN_BLOCKS.items()},
    **{name.replace("swin_", "swin_v2_"): {"logit_scale": blocks} for name, blocks in SWIN_BLOCKS.items()},
    "maxvit_t": {"relative_position_bias_table": 22},
}


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_decay(name: str, on_meta: None) -> None:
    network = build_backbone(name, 5, size_of(name), seed=0)
    found: Counter[str] = Counter()
    for path, parameter in network.named_parameters():
        owner, _, last = path.rpartition(".")
        if parameter.ndim <= 1:
            assert not decays(path, parameter)
        elif decays(path, parameter):
            assert isinstance(network.get_submodule(owner), nn.Linear | nn.Conv2d | nn.MultiheadAttention), path
        else:
            found[last] += 1
    assert found == UNDECAYED_BY_BACKBONE.get(name, {})
    assert set(found) <= UNDECAYED
