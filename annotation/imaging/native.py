"""Whole numbers as the bytes of uncompressed frames hold them (PS3.5 §8.1.1)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 64
READABLE_BITS = (8, 16)


@dataclass(frozen=True)
class WholeNumbers:
    """How many bits hold a value, how many of them are the value, and whether it has a sign."""

    bits_allocated: int
    bits_stored: int
    is_signed: bool

    @property
    def is_possible(self) -> bool:
        """False of damaged descriptions, and of floats, which have no stored bits."""
        return 1 <= self.bits_stored <= self.bits_allocated <= MOST_BITS

    @property
    def is_readable(self) -> bool:
        """Whether `read` knows the layout. 32 bits may be floats: only a decoder sees which."""
        return self.is_possible and self.bits_allocated in READABLE_BITS

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest value."""
        if self.is_signed:
            return -(2 ** (self.bits_stored - 1)), 2 ** (self.bits_stored - 1) - 1
        return 0, 2**self.bits_stored - 1

    def read(self, data: bytes) -> NDArray[Any]:
        """The values of little-endian bytes, in one row.

        Bits above the stored ones are no part of the value: they hold overlays of the old kind, or
        nothing where the sign belongs.
        """
        kind = "i" if self.is_signed else "u"
        found = np.frombuffer(data, np.dtype(f"<{kind}{self.bits_allocated // 8}"))
        unused = self.bits_allocated - self.bits_stored
        return found if unused == 0 else (found << unused) >> unused
