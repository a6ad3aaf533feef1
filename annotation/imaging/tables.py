"""Lookup tables of an image's values: Modality LUTs and VOI LUTs (PS3.3 C.11.1 and C.11.2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage

from annotation.imaging.windowing import FloatImage

# Of these it leads back to the beam, and is no part of the picture (C.8.7.1.1.2).
NOT_FOR_DISPLAY = (XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage)


@dataclass(frozen=True)
class VoiTable:
    """Grey levels (0..1) of the values from `first` on."""

    first: int
    entries: NDArray[np.float32]

    def look_up(self, values: FloatImage) -> FloatImage:
        """Values outside the table have its first or its last level."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return np.asarray(self.entries[places.astype(np.intp)])


def has_modality_table(dataset: pydicom.Dataset) -> bool:
    """Whether a table takes the place of a slope and an intercept."""
    is_shown = dataset.get("SOPClassUID") not in NOT_FOR_DISPLAY
    return is_shown and bool(dataset.get("ModalityLUTSequence"))


def voi_table(dataset: pydicom.Dataset) -> VoiTable | None:
    """The first VOI LUT; None where there is none, or it makes no sense."""
    try:
        item = dataset.VOILUTSequence[0]
        count, first, bits = (int(number) for number in item.LUTDescriptor)
        entries = _numbers(item.LUTData)[: count or 2**16]
    except (AttributeError, IndexError, TypeError, ValueError):
        return None
    if len(entries) == 0:
        return None
    count = len(entries)
    if first + count > 2**16:  # a negative number that lost its sign
        first -= 2**16
    levels = entries.astype(np.float32) / max(2**bits - 1, int(entries.max()), 1)
    return VoiTable(first, levels)


def _numbers(data: Any) -> NDArray[np.generic]:
    return np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.asarray(data, np.uint16)
