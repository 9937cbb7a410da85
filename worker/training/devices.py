"""Choice and configuration of the compute device."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def select_device(name: str) -> torch.device:
    """Find a device by name.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps", or "auto" for the first of cuda, mps and cpu that is present.

    Returns:
        The device.

    Raises:
        ValueError: if there is no such device.
    """
    if name == "auto":
        return next(device for device in map(torch.device, ("cuda", "mps", "cpu")) if _present(device))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"there is no device {name!r}") from error
    if not _present(device):
        raise ValueError(f"this machine has no device {name!r}")
    return device


def configure_torch(threads: int) -> None:
    """Set the number of CPU threads, and allow deterministic cuDNN kernels only.

    On CUDA that is not all: the gradients of bilinear interpolation and of some attention kernels are sums in no fixed
    order, so two runs there may differ in the last bits. `torch.use_deterministic_algorithms` would refuse the former.

    Args:
        threads: CPU threads; 0 for torch's own choice.
    """
    if threads > 0:
        torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute float32 products in float32 inside the block; restore the settings afterwards.

    By default cuDNN rounds the inputs of convolutions to TF32, with 10 bits of mantissa, on Ampere and later. Metrics
    are of what is served, which computes in float32.
    """
    convolutions, matrices = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, matrices


def uses_pinned_memory(device: torch.device) -> bool:
    """Return true if the device copies asynchronously from pinned memory."""
    return device.type == "cuda"


def release_memory(device: torch.device) -> None:
    """Free the device memory that torch caches without using, after an out-of-memory error."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _present(device: torch.device) -> bool:
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"
