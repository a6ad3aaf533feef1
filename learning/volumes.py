"""Network inputs that a target specifies: which series, as which channels, on which grid.

Made from the stored files, kept in a cache that may be deleted.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotation.archive import selectors as archive
from annotation.archive.models import Instance, Series
from annotation.archive.selectors import ImageSeries
from annotation.archive.stacks import Frame, Stack, modality_values, stack_of
from annotation.imaging import sandbox
from annotation.labeling.models import Case
from learning.training.columns import Row
from learning.training.inputs import InputSpec, choose_series
from learning.training.placing import Edges
from learning.training.preparation import Prepared, UnusableInput, Volume, prepare_placed

STUDIES_AT_ONCE = 200
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
        for done, one in enumerate(chosen):
            on_progress(done)
            try:
                yield one, self._cached(one)
            except (UnusableInput, sandbox.SandboxFailure, ValueError) as why:
                excluded[one.case_id] = str(why)

    def load_placed(self, chosen: ChosenSeries) -> Prepared:
        """The input made anew, with its place in the first channel. Raises UnusableInput."""
        return prepare_placed(self._volumes(chosen), self.spec)

    def edges_of(self, chosen: ChosenSeries) -> Edges:
        """Where each axis of the input lies in the first channel, as of Prepared. Raises UnusableInput."""
        path = self._path(chosen)
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

    def _cached(self, chosen: ChosenSeries) -> Image:
        path = self._path(chosen)
        try:
            return np.asarray(np.load(path), np.float16)
        except (OSError, ValueError):
            return self._kept(chosen, path).image

    def _kept(self, chosen: ChosenSeries, path: Path) -> Prepared:
        """The input made anew and written to the cache with its place."""
        prepared = self.load_placed(chosen)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _written(_place_of(path)) as file:
            file.write(json.dumps(prepared.edges).encode())
        with _written(path) as file:
            np.save(file, prepared.image)
        return prepared

    def _path(self, chosen: ChosenSeries) -> Path:
        """By the specification of the image and the content of every file that it reads."""
        image = replace(self.spec, columns=()).as_json()
        spec = hashlib.sha256(json.dumps(image, sort_keys=True).encode()).hexdigest()
        digest = hashlib.sha256()
        for name, series in chosen.series.items():
            digest.update(name.encode())
            for sha256 in series.instances.order_by("sha256").values_list("sha256", flat=True):
                digest.update(sha256.encode())
        name = digest.hexdigest()
        folder = Path(settings.DATA_ROOT) / "cache" / f"model-input-{spec[:16]}"
        return folder / name[:2] / f"{name}.npy"

    def _volumes(self, chosen: ChosenSeries) -> dict[str, Volume]:
        return {name: self._volume(name, series) for name, series in chosen.series.items()}

    def _volume(self, name: str, series: Series) -> Volume:
        stack = _stack(series)
        if self.spec.spatial == 2:
            middle = stack.frames[len(stack.frames) // 2]
            alone = Stack((middle,), stack.rows, stack.columns, None)
            return Volume(_shown(alone)[0], spacing_of(alone)[1:])
        if stack.not_a_volume:
            raise UnusableInput(f"{name}: the series is no volume: {stack.not_a_volume.sentence}")
        return Volume(_shown(stack), spacing_of(stack))


def spacing_of(stack: Stack) -> tuple[float, float, float]:
    """mm between slices, rows and columns."""
    columns, rows, slices = np.linalg.norm(stack.affine_lps[:3, :3], axis=0).tolist()
    return slices, rows, columns


def _place_of(image: Path) -> Path:
    """The file that says where a cached image lies."""
    return image.with_suffix(".edges.json")


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A file that is there as a whole or not at all."""
    partial = path.with_name(f"{uuid4().hex}.part")
    with partial.open("wb") as file:
        yield file
    partial.rename(path)


def _stack(series: Series) -> Stack:
    """The frames of the commonest size: a scout image among them is left out."""
    sizes = Counter(
        (rows, columns)
        for rows, columns in Instance.objects.filter(
            series=series, frame_index__isnull=False
        ).values_list("rows", "columns")
        if rows and columns
    )
    if not sizes:
        raise UnusableInput("the series has no images")
    [((rows, columns), _)] = sizes.most_common(1)
    return stack_of(series.study_id, series.series_instance_uid, rows, columns)


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
    [found] = series.instances.values_list("dicom_json__00180050__Value", flat=True)[:1] or [None]
    return float(found[0]) if found else None


def _shown(stack: Stack) -> NDArray[Any]:
    """(z, y, x) modality values with white as the highest."""
    values = np.stack(list(modality_values(stack)))
    photometric = stack.frames[0].instance.dicom_json.get("00280004", {}).get("Value")
    return values.max() + values.min() - values if photometric == ["MONOCHROME1"] else values
