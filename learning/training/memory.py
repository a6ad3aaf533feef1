"""What to do when memory runs out: say so, and go on with fewer images at once."""

import torch


class OutOfMemory(RuntimeError):
    """Even the smallest batch does not fit; says what would."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of memory, on a GPU or in the machine."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def smaller(count: int, smallest: int) -> int:
    """Half as many images at once. Raises OutOfMemory below the smallest."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if count // 2 < smallest:
        raise OutOfMemory(
            f"{count} images at once do not fit into memory, and no fewer can be learned from; "
            "choose a smaller size or network"
        )
    return count // 2
