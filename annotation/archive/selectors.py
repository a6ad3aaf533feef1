"""Reads from the archive; who may read is decided by `labeling.access`."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from annotation.archive.models import Instance, Series, Study
from annotation.imaging.volume import SlicePlace, order_slices

# What each SOP class family cannot be shown as an image stack.
NON_IMAGE_MODALITIES = ("SR", "SEG", "RTSTRUCT", "RTPLAN", "PR", "KO", "ANN", "DOC", "REG", "ECG")


@dataclass(frozen=True)
class ImageSeries:
    """A series to look at: its instances in slice order with their frames."""

    series: Series
    frames: dict[str, int]  # frames by SOP Instance UID, in slice order
    not_a_volume: str
    is_prepared: bool  # all frames are there as HTJ2K, which can be shown before it has all arrived


def find_image_series(study: Study) -> list[ImageSeries]:
    """Series with frames, in the order a reader expects, in two queries for the whole study."""
    places: dict[UUID, list[SlicePlace]] = defaultdict(list)
    counts: dict[str, int] = {}
    unprepared: set[UUID] = set()
    rows = Instance.objects.filter(series__study=study, frame_index__isnull=False).values_list(
        "series_id", "sop_instance_uid", "position", "orientation", "instance_number",
        "number_of_frames", "prepared__sha256",
    )  # fmt: skip
    for series_id, uid, position, orientation, number, frames, prepared in rows:
        counts[uid] = frames
        if not prepared:
            unprepared.add(series_id)
        places[series_id].append(
            SlicePlace(
                uid,
                tuple(position) if position else None,
                tuple(orientation) if orientation else None,
                number,
            )
        )
    found = []
    in_order = study.series.filter(pk__in=places).order_by("series_number", "series_instance_uid")
    for series in in_order.exclude(modality__in=NON_IMAGE_MODALITIES):
        order = order_slices(places[series.pk])
        in_slice_order = {uid: counts[uid] for uid in order.keys}
        # Positions of frames inside one object are not read yet, so nothing is claimed of them.
        is_multi_frame = any(count > 1 for count in in_slice_order.values())
        why = "a multi-frame object" if is_multi_frame else order.not_a_volume
        is_prepared = series.pk not in unprepared
        found.append(ImageSeries(series, in_slice_order, why, is_prepared))
    return found


def find_training_instances(study_ids: Iterable[UUID]) -> dict[UUID, Instance]:
    """One image per study for a 2D model: the middle slice of its first series with frames.

    PostgreSQL picks the middle, so that a CT of 2,000 slices costs one row.
    """
    middles = (
        Instance.objects.filter(
            series__study_id__in=list(study_ids), frame_index__isnull=False, unrenderable_reason=""
        )
        .exclude(series__modality__in=NON_IMAGE_MODALITIES)
        .annotate(
            place=Window(
                RowNumber(),
                partition_by="series_id",
                order_by=["instance_number", "sop_instance_uid"],
            ),
            in_series=Window(Count("pk"), partition_by="series_id"),
        )
        .filter(place=F("in_series") / 2 + 1)
        .select_related("series")
        .defer("dicom_json", "frame_index", "series__dicom_json")
        .order_by("series__series_number", "series__series_instance_uid")
    )
    found: dict[UUID, Instance] = {}
    for instance in middles:
        found.setdefault(instance.series.study_id, instance)
    return found


def middle_instance(series: Series) -> Instance | None:
    """The instance that stands for a series: the middle one of those with frames."""
    images = series.instances.filter(frame_index__isnull=False).order_by("instance_number", "id")
    count = images.count()
    return images.defer("dicom_json")[count // 2] if count else None
