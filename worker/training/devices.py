"""Which device computes, and how."""

import torch


def select_device(name: str) -> torch.device:
    """The device "auto", "cpu", "cuda", "cuda:1" or "mps"; auto takes the best there is. ValueError when absent."""
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
    """Use `threads` CPU threads (0: torch's choice), and only cuDNN kernels that give the same bytes every time."""
    if threads > 0:
        torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def uses_pinned_memory(device: torch.device) -> bool:
    """Whether it copies by itself from memory that is pinned for it, while the step goes on."""
    return device.type == "cuda"


def release_memory(device: torch.device) -> None:
    """Give back what torch holds of the device's memory without using it, after it has run out."""
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
