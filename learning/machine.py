"""What this worker's machine is used for, by the settings."""

import torch
from django.conf import settings

FILES_ELSEWHERE = "Stored files are not on this machine."


class FilesElsewhere(RuntimeError):
    """This machine lacks files that another may have: it cannot judge the cases."""

    def __init__(self) -> None:
        super().__init__(FILES_ELSEWHERE)


def process_count() -> int:
    """How many processes train one network together: at most one for each GPU, where there are any."""
    wanted: str = settings.TRAINING_PROCESSES
    devices = torch.cuda.device_count()
    if wanted == "auto":
        return max(devices, 1)
    return min(int(wanted), devices) if devices else int(wanted)
