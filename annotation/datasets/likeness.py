"""Which patients show nearly the same picture, told from the middle frames of their series.

A page that many studies carry (a dose report, a logo, an empty scout) makes nobody a copy of anybody.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.archive.models import Instance, SeriesPreparation
from annotation.imaging.near_duplicates import WORDS, leaders, near_pairs

MOST_ALIKE = 20  # patients; what more of them show is a page, a test pattern or an empty scout
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and .7.1 to .7.4, of several frames
# ImageType says what was made after the examination (PS3.3 C.7.6.1.1.2); not all images have one. Derived
# images may be primary, as mammograms for presentation are.
IS_PRIMARY = Q(dicom_json__00080008__Value__1__isnull=True) | ~Q(
    dicom_json__00080008__Value__1="SECONDARY"
)


@dataclass(frozen=True)
class Picture:
    """The hash of a series' middle frame, under the name of the patient who shows it."""

    name: str
    image_hash: bytes  # imaging.perceptual_hash
    is_acquired: bool  # an image of the patient, not a page or a screen that was captured later


def find_hashed() -> QuerySet[SeriesPreparation]:
    """Series whose middle frame has a hash."""
    return SeriesPreparation.objects.filter(image_hash__isnull=False)


def is_acquired() -> Exists:
    """Whether a prepared series holds an image of the patient, not only what was made later."""
    images = Instance.objects.filter(series=OuterRef("series"), frame_index__isnull=False)
    return Exists(images.exclude(sop_class_uid__startswith=SECONDARY_CAPTURE).filter(IS_PRIMARY))


def first_of_alike(pictures: Sequence[Picture]) -> dict[str, str]:
    """By name the first, in the order of the pictures, of those who show nearly the same over any chain.

    Those who resemble nobody are left out.
    """
    if not pictures:
        return {}
    order = {name: place for place, name in enumerate(dict.fromkeys(p.name for p in pictures))}
    return _grouped(_telling(pictures), order, MOST_ALIKE)


def _telling(pictures: Sequence[Picture]) -> list[Picture]:
    """Without what was made later, of those of whom there are images."""
    imaged = {picture.name for picture in pictures if picture.is_acquired}
    return [one for one in pictures if one.is_acquired or one.name not in imaged]


def _grouped(pictures: Sequence[Picture], order: dict[str, int], most: int) -> dict[str, str]:
    """Linked by pictures that at most so many show.

    Several pages can chain too many together: of those only rarer pictures count.
    """
    found = leaders(_links(pictures, most), order)
    sizes = Counter(found.values())
    too_large = {name for name, first in found.items() if sizes[first] > MOST_ALIKE}
    kept = {name: first for name, first in found.items() if name not in too_large}
    if too_large and most > 1:
        kept |= _grouped([one for one in pictures if one.name in too_large], order, most // 2)
    return kept


def _links(pictures: Sequence[Picture], most: int) -> Iterator[tuple[str, str]]:
    """Pairs of names that link all who show nearly the same picture, if no more than `most` do."""
    words = np.frombuffer(b"".join(one.image_hash for one in pictures), "<u8")
    unique, numbers = np.unique(words.reshape(-1, WORDS), axis=0, return_inverse=True)
    names: list[set[str]] = [set() for _ in unique]
    for number, picture in zip(numbers.tolist(), pictures, strict=True):
        names[number].add(picture.name)
    pairs = near_pairs(unique).tolist()
    around = [set(own) for own in names]
    for one, other in pairs:
        around[one] |= names[other]
        around[other] |= names[one]
    for one, other in [*enumerate(range(len(unique))), *pairs]:
        if max(len(around[one]), len(around[other])) <= most:
            first, *others = names[one] | names[other]
            yield from ((first, name) for name in others)
