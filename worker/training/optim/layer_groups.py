"""The stages of a backbone, from the pixels to the features, told from the names of its modules alone."""

from torch import nn

FEWEST = 6


def layer_groups(trunk: nn.Module) -> list[list[nn.Parameter]]:
    """All parameters, by the part of the trunk that holds them, in the order of the trunk's definition.

    A part is named by the first components of its path: as few of them as make six parts, or all of them where there
    are not so many. That finds layer1 to layer4 of a ResNet, the blocks of a MobileNet and the layers of a transformer
    without a table of families. Order of definition is order of computation in all of torchvision's classifiers.
    """
    paths = [name.split(".")[:-1] for name, _ in trunk.named_parameters()]
    deepest = max((len(path) for path in paths), default=0)
    made = (_group_by_prefix(trunk, depth) for depth in range(deepest + 1))
    return next((parts for parts in made if len(parts) >= FEWEST), _group_by_prefix(trunk, deepest))


def _group_by_prefix(trunk: nn.Module, depth: int) -> list[list[nn.Parameter]]:
    parts: dict[tuple[str, ...], list[nn.Parameter]] = {}
    for name, parameter in trunk.named_parameters():
        parts.setdefault(tuple(name.split(".")[:-1][:depth]), []).append(parameter)
    return list(parts.values())
