"""Puts the frames of a series into one order, also where single objects hold many of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from annotation.imaging.volume import NotAVolume, SlicePlace, order_slices


@dataclass(frozen=True)
class ImageObject:
    """One object with where each of its frames lies, in its own order; the keys say only which object."""

    uid: str
    instance_number: int | None
    places: Sequence[SlicePlace]


@dataclass(frozen=True)
class FrameOrder:
    """The frames of a series as they are shown.

    `order` has their places (from 0) in the row of all frames, one object of `uids` after the
    other, in slice order; it is None where that row is in slice order.
    """

    uids: list[str]  # the objects, by the first slice of each
    order: list[int] | None
    not_a_volume: NotAVolume | None
    first: SlicePlace


def order_frames(objects: Sequence[ImageObject]) -> FrameOrder:
    """By the rules for single slices: along the normal, or as the objects have them."""
    if all(len(one.places) == 1 for one in objects):
        return _order_slices(objects)
    by_number = sorted(
        objects, key=lambda o: (o.instance_number is None, o.instance_number or 0, o.uid)
    )
    frames = [(one.uid, at) for one in by_number for at in range(len(one.places))]
    every = [place for one in by_number for place in one.places]
    named = [replace(place, key=str(n), instance_number=n) for n, place in enumerate(every)]
    found = order_slices(named)
    shown = [int(key) for key in found.keys]
    uids = list(dict.fromkeys(frames[n][0] for n in shown))
    counts = {one.uid: len(one.places) for one in objects}
    row = {frame: n for n, frame in enumerate((u, at) for u in uids for at in range(counts[u]))}
    order = [row[frames[n]] for n in shown]
    why = found.not_a_volume
    if why is NotAVolume.NO_POSITION:
        why = NotAVolume.MULTI_FRAME
    return FrameOrder(uids, None if order == sorted(order) else order, why, every[shown[0]])


def _order_slices(objects: Sequence[ImageObject]) -> FrameOrder:
    places = {
        one.uid: replace(one.places[0], key=one.uid, instance_number=one.instance_number)
        for one in objects
    }
    found = order_slices(list(places.values()))
    return FrameOrder(found.keys, None, found.not_a_volume, places[found.keys[0]])
