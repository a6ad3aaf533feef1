"""The reads of items, fetched for many at once: their contents are large, so not for all."""

from collections.abc import Sequence

from annotation.datasets.formats.base import Read, reads_of_items
from annotation.datasets.models import DatasetItem
from learning.training.preparation import UnusableInput

AT_ONCE = 32  # items, the content of each up to 16 MiB


class ReadAhead:
    """The accepted reads of each of some items, which are asked for in their order."""

    def __init__(self, items: Sequence[DatasetItem]) -> None:
        self._items = items
        self._place_of = {item.pk: place for place, item in enumerate(items)}
        self._found: dict[int, list[Read]] = {}

    def of(self, item: DatasetItem) -> list[Read]:
        """Oldest first; one query for this item and those after it."""
        if item.pk not in self._found:
            first = self._place_of[item.pk]
            part = self._items[first : first + AT_ONCE]
            self._found = {one.pk: [] for one in part}
            for read in reads_of_items(list(part)):
                self._found[read.item.pk].append(read)
        return self._found[item.pk]


def read_too_early(name: str) -> UnusableInput:
    """Why a read says nothing of a finding that came into the schema after it."""
    return UnusableInput(f"{name}: could not be drawn yet when the case was read")
