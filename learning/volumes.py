"""Network inputs that a target specifies: which series, as which channels, on which grid.

Made from the stored files, kept in a cache that may be deleted.
"""

import hashlib
import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from annotation.archive import selectors as archive
from annotation.archive.models import Instance, Series
from annotation.archive.selectors import ImageSeries
from annotation.archive.stacks import (
    IN_ORDER,
    Frame,
    Stack,
    commonest_size,
    modality_values,
    stack_of,
)
from annotation.imaging import sandbox
from annotation.imaging.frames import FILE_MISSING
from annotation.imaging.geometry import spacing_of_frame, thickness_of_frame
from annotation.labeling.models import Case
from learning.input_cache import folder_of
from learning.training.aligning import aligned
from learning.training.columns import Row
from learning.training.inputs import Channel, InputSpec, choose_series
from learning.training.placing import Edges
from learning.training.preparation import Prepared, UnusableInput, Volume, prepare_placed

STUDIES_AT_ONCE = 200
LARGEST_SERIES = 1 << 30  # voxels: 4 GiB as they are read, twice that while they are prepared
READERS, AHEAD = 2, 4  # threads that read the cache, and how many inputs they are ahead
Image = NDArray[np.float16]


@dataclass(frozen=True)
class ChosenSeries:
    """The series that stand for a case: by channel, the first of them gives the grid.

    And its clinical values, by column, where the specification names any.
    """

    case_id: UUID
    study_id: UUID
    series: Mapping[str, Series]
    row: Row = field(default_factory=dict)

    def grid(self) -> Stack:
        """The frames of the first channel. Raises UnusableInput."""
        return _stack(next(iter(self.series.values())))


@dataclass(frozen=True)
class SpecifiedInputs:
    """The inputs of one specification."""

    spec: InputSpec

    def choose(self, cases: Sequence[Case], excluded: dict[UUID, str]) -> list[ChosenSeries]:
        """The series of each case, in the order of the cases; a missing one excludes with its name."""
        found: list[ChosenSeries] = []
        for start in range(0, len(cases), STUDIES_AT_ONCE):
            part = cases[start : start + STUDIES_AT_ONCE]
            series = archive.find_image_series_of([case.study for case in part])
            for case in part:
                try:
                    chosen = self._series_of(series[case.study_id])
                except UnusableInput as why:
                    excluded[case.pk] = str(why)
                else:
                    found.append(ChosenSeries(case.pk, case.study_id, chosen))
        return found

    def load(
        self,
        chosen: Sequence[ChosenSeries],
        excluded: dict[UUID, str],
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> Iterator[tuple[ChosenSeries, Image]]:
        """(channels, *size) in order; what cannot be used is excluded with its reason."""
        with ThreadPoolExecutor(READERS) as readers:
            for done, (one, path, reading) in enumerate(self._read_ahead(chosen, readers)):
                on_progress(done)
                try:
                    image = reading.result()
                    yield one, self._kept(one, path).image if image is None else image
                except UnusableInput as why:
                    excluded[one.case_id] = str(why)

    def _read_ahead(
        self, chosen: Sequence[ChosenSeries], readers: ThreadPoolExecutor
    ) -> Iterator[tuple[ChosenSeries, Path, "Future[Image | None]"]]:
        """Each with what the cache holds of it; the next ones are read in threads meanwhile."""
        waiting: deque[tuple[ChosenSeries, Path, Future[Image | None]]] = deque()
        for one, path in self._paths(chosen):
            waiting.append((one, path, readers.submit(_cached, path)))
            if len(waiting) > AHEAD:
                yield waiting.popleft()
        yield from waiting

    def _paths(self, chosen: Sequence[ChosenSeries]) -> Iterator[tuple[ChosenSeries, Path]]:
        """With one query for many."""
        for start in range(0, len(chosen), STUDIES_AT_ONCE):
            part = chosen[start : start + STUDIES_AT_ONCE]
            hashes = _hashes([series for one in part for series in one.series.values()])
            for one in part:
                yield one, self._path(one, hashes)

    def load_placed(self, chosen: ChosenSeries) -> Prepared:
        """The input made anew, with its place in the first channel. Raises UnusableInput."""
        with as_unusable():
            return prepare_placed(aligned(self._volumes(chosen), self.spec), self.spec)

    def load_slices(self, chosen: ChosenSeries) -> Iterator[Image | None]:
        """Of a flat input that of every frame of the first channel, as of the middle one.

        None where a frame cannot be used. Raises UnusableInput where this machine lacks a file: it cannot
        say that.
        """
        stacks = {name: _stack(series) for name, series in chosen.series.items()}
        whole = cache(
            lambda one: _shown(stacks[one.name], one)
        )  # once, not for every frame that cuts it
        for number in range(len(chosen.grid().frames)):
            try:
                with as_unusable():
                    volumes = self._flat(stacks, whole, number)
                    found = prepare_placed(aligned(volumes, self.spec), self.spec).image
            except UnusableInput as why:
                if str(why) == FILE_MISSING:
                    raise
                yield None
            else:
                yield found

    def edges_of(self, chosen: ChosenSeries) -> Edges:
        """Where each axis of the input lies in the first channel, as of Prepared. Raises UnusableInput."""
        path = self._path(chosen, _hashes(chosen.series.values()))
        try:
            return [(start, stop) for start, stop in json.loads(_place_of(path).read_bytes())]
        except (OSError, ValueError):
            return self._kept(chosen, path).edges

    def frames_of(self, chosen: ChosenSeries) -> tuple[Frame, ...]:
        """The frames that the input shows of the first channel: of a flat one the middle frame."""
        frames = chosen.grid().frames
        return frames if self.spec.spatial == 3 else (frames[len(frames) // 2],)

    def _series_of(self, listed: Sequence[ImageSeries]) -> dict[str, Series]:
        asks_thickness = any(c.rule.prefer == "thinnest" for c in self.spec.channels)
        known = [_described(one, asks_thickness=asks_thickness) for one in listed]
        chosen: dict[str, Series] = {}
        for channel in self.spec.channels:
            place = choose_series(channel.rule, known)
            if place is None:
                raise UnusableInput(f"{channel.name}: no series fits")
            chosen[channel.name] = listed[place].series
        return chosen

    def _kept(self, chosen: ChosenSeries, path: Path) -> Prepared:
        """The input made anew and written to the cache with its place."""
        prepared = self.load_placed(chosen)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _written(_place_of(path)) as file:
            file.write(json.dumps(prepared.edges).encode())
        with _written(path) as file:
            np.save(file, prepared.image)
        return prepared

    def _path(self, chosen: ChosenSeries, hashes: Mapping[UUID, Sequence[str]]) -> Path:
        """By the specification of the image and the content of every file that it reads."""
        image = replace(self.spec, columns=()).as_json()
        spec = hashlib.sha256(json.dumps(image, sort_keys=True).encode()).hexdigest()
        digest = hashlib.sha256()
        for name, series in chosen.series.items():
            digest.update(name.encode())
            for sha256 in hashes.get(series.pk, ()):
                digest.update(sha256.encode())
        name = digest.hexdigest()
        return folder_of(spec[:16]) / name[:2] / f"{name}.npy"

    def _volumes(self, chosen: ChosenSeries) -> dict[str, Volume]:
        stacks = {name: _stack(series) for name, series in chosen.series.items()}
        if self.spec.spatial == 2:
            return self._flat(stacks, lambda one: _shown(stacks[one.name], one))
        for name, stack in stacks.items():
            if stack.not_a_volume:
                raise UnusableInput(
                    f"{name}: the series is no volume: {stack.not_a_volume.sentence}"
                )
        return {
            channel.name: Volume(_shown(stack, channel), spacing_of(stack), *_place(stack))
            for channel in self.spec.channels
            for stack in [stacks[channel.name]]
        }

    def _flat(
        self,
        stacks: Mapping[str, Stack],
        whole: Callable[[Channel], NDArray[Any]],
        number: int | None = None,
    ) -> dict[str, Volume]:
        """Middle frames; of a branch's later series the whole, where the first one's frame cuts it.

        `whole` gives the values of a channel's stack. With a number that frame of the first channel:
        others must be placed. Raises UnusableInput.
        """
        found: dict[str, Volume] = {}
        firsts: dict[int, Stack] = {}
        for channel in self.spec.channels:
            stack = stacks[channel.name]
            is_first = channel is self.spec.channels[0]
            place = number if number is not None and is_first else len(stack.frames) // 2
            alone = Stack((stack.frames[place],), stack.rows, stack.columns, None)
            first = firsts.setdefault(0 if self.spec.keeps_size else channel.branch, alone)
            is_known = _is_placed(first) and _is_placed(stack) and not stack.not_a_volume
            if first is alone:
                volume = Volume(_shown(alone, channel)[0], spacing_of(alone)[1:], *_place(alone))
            elif is_known:
                volume = Volume(whole(channel), spacing_of(stack), *_place(stack))
            elif number is None:
                volume = Volume(_shown(alone, channel)[0], spacing_of(alone)[1:])
            else:
                raise UnusableInput(f"{channel.name}: where it lies is not known")
            found[channel.name] = volume
        return found


@contextmanager
def as_unusable() -> Iterator[None]:
    """Whatever keeps a case from being looked at, as UnusableInput: with its reason and without a path."""
    try:
        yield
    except FileNotFoundError:
        raise UnusableInput(FILE_MISSING) from None
    except (sandbox.SandboxFailure, ValueError) as why:
        raise UnusableInput(str(why)) from None


def spacing_of(stack: Stack) -> tuple[float, float, float]:
    """mm between slices, rows and columns; NaN where the images do not say it."""
    if _is_placed(stack):
        columns, rows, slices = np.linalg.norm(stack.affine_lps[:3, :3], axis=0).tolist()
        return slices, rows, columns
    first = stack.frames[0]
    told = spacing_of_frame(first.instance.dicom_json, first.number)
    return math.nan, *(told or (math.nan, math.nan))


def _is_placed(stack: Stack) -> bool:
    return all(frame.plane is not None for frame in stack.frames)


def _place(stack: Stack) -> tuple[NDArray[np.float64] | None, str]:
    """Where it lies in the patient, and the frame of reference that this is told in."""
    told = stack.frames[0].instance.dicom_json.get("00200052", {}).get("Value") or [""]
    return stack.affine_lps if _is_placed(stack) else None, str(told[0])


def _place_of(image: Path) -> Path:
    """The file that says where a cached image lies."""
    return image.with_suffix(".edges.json")


def _cached(path: Path) -> Image | None:
    """Of files alone: this may run in a thread without a connection."""
    try:
        return np.asarray(np.load(path), np.float16)
    except (OSError, ValueError, EOFError):  # the file of a cache that lost its power may be empty
        return None


def _hashes(series: Iterable[Series]) -> dict[UUID, list[str]]:
    """The SHA-256 of every file of each series, in their own order."""
    found: dict[UUID, list[str]] = {}
    rows = Instance.objects.filter(series__in=[one.pk for one in series]).order_by("sha256")
    for pk, sha256 in rows.values_list("series_id", "sha256"):
        found.setdefault(pk, []).append(sha256)
    return found


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A file that is there as a whole or not at all."""
    partial = path.with_name(f"{uuid4().hex}.part")
    with partial.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def _stack(series: Series) -> Stack:
    """The frames of the commonest size: a scout image among them is left out."""
    size = commonest_size(series)
    if size is None:
        raise UnusableInput("the series has no images")
    return stack_of(series.study_id, series.series_instance_uid, *size)


def _described(one: ImageSeries, *, asks_thickness: bool) -> dict[str, Any]:
    return {
        "modality": one.series.modality,
        "description": one.series.series_description,
        "plane": one.plane,
        "image_count": sum(one.frames.values()),
        "thickness_mm": _thickness_mm(one.series) if asks_thickness else None,
        "number": one.series.series_number or 0,
    }


def _thickness_mm(series: Series) -> float | None:
    """Of its first image; None where that tells no number."""
    images = series.instances.filter(frame_index__isnull=False).order_by(*IN_ORDER)
    header = images.values_list("dicom_json", flat=True).first()
    return thickness_of_frame(header or {}, 1)


def _shown(stack: Stack, channel: Channel) -> NDArray[np.float32]:
    """(z, y, x) modality values with white as the highest. Raises UnusableInput where they are too many.

    Where white is the lowest they are mirrored about the middle of the channel's fixed window, which one
    bright speck cannot move; how else they are normalised, it is the same about 0.
    """
    shape = len(stack.frames), stack.rows, stack.columns
    if math.prod(shape) > LARGEST_SERIES:
        raise UnusableInput(
            f"the series has {_millions(math.prod(shape))} million voxels; "
            f"at most {_millions(LARGEST_SERIES)} million can be looked at"
        )
    values = np.empty(shape, np.float32)
    with np.errstate(over="ignore"):  # what float32 cannot hold is found when it is prepared
        for z, plane in enumerate(modality_values(stack)):
            values[z] = plane
    photometric = stack.frames[0].instance.dicom_json.get("00280004", {}).get("Value")
    if photometric == ["MONOCHROME1"]:
        twice_the_middle = channel.low + channel.high if channel.normalisation == "window" else 0.0
        np.subtract(twice_the_middle, values, out=values)
    return values


def _millions(count: int) -> int:
    return count // 1_000_000
