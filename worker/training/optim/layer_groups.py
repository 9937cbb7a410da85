"""Layer groups of a backbone, from input to features, derived from parameter names."""

from torch import nn

from worker.training.optim.optimizers import NamedParameter

FEWEST = 6


def layer_groups(trunk: nn.Module) -> list[list[NamedParameter]]:
    """Group a trunk's parameters by module, in order of definition.

    A group is named by the first components of the module path: as few components as give at least six groups, or all
    of them if there are not so many. That finds layer1 to layer4 of a ResNet, the blocks of a MobileNet and the layers
    of a transformer without a table per family. Order of definition is order of computation in all of torchvision's
    classifiers.

    Args:
        trunk: the network without its head.

    Returns:
        All parameters of the trunk with their names, one list per group, from input to features.
    """
    paths = [name.split(".")[:-1] for name, _ in trunk.named_parameters()]
    deepest = max((len(path) for path in paths), default=0)
    made = (_group_by_prefix(trunk, depth) for depth in range(deepest + 1))
    return next((parts for parts in made if len(parts) >= FEWEST), _group_by_prefix(trunk, deepest))


def _group_by_prefix(trunk: nn.Module, depth: int) -> list[list[NamedParameter]]:
    parts: dict[tuple[str, ...], list[NamedParameter]] = {}
    for name, parameter in trunk.named_parameters():
        parts.setdefault(tuple(name.split(".")[:-1][:depth]), []).append((name, parameter))
    return list(parts.values())
