"""All training methods by name."""

from worker.training.methods.contract import Method
from worker.training.methods.imputation import Imputation
from worker.training.methods.probe import Probe
from worker.training.methods.rotation import Rotation
from worker.training.methods.simclr import SimCLR
from worker.training.methods.supervised import Supervised

METHODS: dict[str, type[Method]] = {
    "supervised": Supervised,
    "probe": Probe,
    "rotation": Rotation,
    "imputation": Imputation,
    "simclr": SimCLR,
}
