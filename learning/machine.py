"""What this worker's machine is used for, by the settings."""

import torch
from django.conf import settings


def process_count() -> int:
    """How many processes train one network together: at most one for each GPU, where there are any."""
    wanted: str = settings.TRAINING_PROCESSES
    devices = torch.cuda.device_count()
    if wanted == "auto":
        return max(devices, 1)
    return min(int(wanted), devices) if devices else int(wanted)
