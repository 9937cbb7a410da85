import pytest
import torch
from torch import nn

from worker.training.optim.optimizers import build_optimizer, decay_groups, layered_groups, load_tensors, tensors


def test_biases_and_norms_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, 2))
    decaying, free = decay_groups([network], 0.1)
    assert decaying["weight_decay"] == 0.1
    assert [p.shape for p in decaying["params"]] == [(4, 3, 1, 1), (2, 4)]
    assert free["weight_decay"] == 0.0
    assert len(free["params"]) == 4


def test_stages_learn_more_slowly_the_further_they_are_from_the_head() -> None:
    layers = [nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)]
    groups = layered_groups([list(layer.named_parameters()) for layer in layers], 0.1, 0.5)
    found = [(group["lr_scale"], group["weight_decay"], {id(p) for p in group["params"]}) for group in groups]
    first, norm, head = layers
    assert found == [
        (1.0, 0.1, {id(head.weight)}),
        (1.0, 0.0, {id(head.bias)}),
        (0.5, 0.0, {id(norm.weight), id(norm.bias)}),
        (0.25, 0.1, {id(first.weight)}),
        (0.25, 0.0, {id(first.bias)}),
    ]


def test_parameters_that_do_not_decay_leave_the_order_as_it_is() -> None:
    """A checkpoint numbers parameters: first all of two dimensions or more, then the others, as version 0.2 did."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.class_token = nn.Parameter(torch.zeros(1, 2))
            self.first, self.layer_scale = nn.Linear(2, 2), nn.Parameter(torch.ones(2, 1))
            self.last = nn.Linear(2, 2)

    block = Block()
    groups = decay_groups([block], 0.1)
    found = [(group["weight_decay"], [id(p) for p in group["params"]]) for group in groups]
    assert found == [
        (0.0, [id(block.class_token), id(block.layer_scale)]),
        (0.1, [id(block.first.weight), id(block.last.weight)]),
        (0.0, [id(block.first.bias), id(block.last.bias)]),
    ]
    block.first.layer_scale = nn.Parameter(torch.ones(2, 1))
    assert [group["weight_decay"] for group in decay_groups([block], 0.1)] == [0.0, 0.1, 0.0, 0.1, 0.0]
    every = [p for group in decay_groups([block], 0.1) for p in group["params"]]
    parameters = list(block.parameters())
    assert [id(p) for p in every] == [id(p) for p in parameters if p.ndim > 1] + [
        id(p) for p in parameters if p.ndim <= 1
    ]


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_memory_goes_out_and_comes_back(name: str, memory_format: torch.memory_format) -> None:
    """By way of contiguous tensors, as a checkpoint holds them: the numbers must find back to their weights."""
    layers = [nn.Conv2d(3, 2, 2).to(memory_format=memory_format) for _ in range(2)]
    first, second = (build_optimizer(name, decay_groups([layer], 0.1), 0.1) for layer in layers)
    inputs = torch.randn(3, 4, 3, 5, 5)
    for x in inputs[:2]:
        first.zero_grad()
        layers[0](x).square().sum().backward()
        first.step()
    layers[1].load_state_dict(layers[0].state_dict())
    load_tensors(second, {name: tensor.contiguous() for name, tensor in tensors(first).items()})
    for layer, optimizer in zip(layers, (first, second), strict=True):
        optimizer.zero_grad()
        layer(inputs[2]).square().sum().backward()
        optimizer.step()
    assert torch.equal(layers[0].weight, layers[1].weight)


def test_an_unknown_optimizer() -> None:
    with pytest.raises(ValueError, match="no optimizer 'lion'"):
        build_optimizer("lion", decay_groups([nn.Linear(1, 1)], 0.0), 0.1)
