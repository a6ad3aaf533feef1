"""What this worker's machine is used for, by the settings."""

import torch
from django.conf import settings


def process_count() -> int:
    """How many processes train one network together."""
    wanted: str = settings.TRAINING_PROCESSES
    return max(torch.cuda.device_count(), 1) if wanted == "auto" else int(wanted)
