"""Where networks run in mixed precision."""

import torch

MIXED_ON = frozenset({"cuda"})  # types of device; a CPU is slower in half precision than in full


def is_mixed(device: torch.device, is_wanted: bool = True) -> bool:
    """Whether so wanted a network runs in mixed precision there."""
    return is_wanted and device.type in MIXED_ON


def mixed(device: torch.device, is_wanted: bool = True) -> torch.autocast:
    """The context for it, which does nothing elsewhere."""
    return torch.autocast(device.type, enabled=is_mixed(device, is_wanted))
