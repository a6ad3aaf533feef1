"""Reads from the archive; who may read is decided by `labeling.access`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    When,
    Window,
)
from django.db.models.functions import RowNumber
from django.utils import timezone

from annotation.archive.models import Instance, Series, SeriesPreparation, Study
from annotation.imaging.frame_order import FrameOrder, ImageObject, order_frames
from annotation.imaging.geometry import place_of_frame
from annotation.imaging.volume import NotAVolume, SlicePlace, plane_of

Json = dict[str, Any]

# Of a header the groups that tell how its frames lie (PS3.3 C.7.6.16), as the header has them: per frame
# 52009230, shared 52009229, with position 00209113, orientation 00209116 and the frame's content 00209111,
# which has the StackID 00209056. What else is told of thousands of frames stays in the database. Of a dose,
# whose offsets 3004000C tell it, also the position and the orientation of the whole.
PLACES_INSIDE = """(
    select jsonb_strip_nulls(jsonb_build_object(
        '52009230', jsonb_build_object('Value', (
            select jsonb_agg(jsonb_build_object(
                '00209113', frame -> '00209113', '00209116', frame -> '00209116',
                '00209111', jsonb_build_object('Value', jsonb_build_array(jsonb_build_object(
                    '00209056', frame #> '{00209111,Value,0,00209056}')))) order by number)
            from jsonb_array_elements(kept.per_frame) with ordinality as of_frame(frame, number))),
        '52009229', jsonb_build_object('Value', jsonb_build_array(jsonb_build_object(
            '00209113', kept.shared -> '00209113', '00209116', kept.shared -> '00209116'))),
        '3004000C', kept.dose -> '3004000C', '00200032', kept.dose -> '00200032',
        '00200037', kept.dose -> '00200037'))
    from (select %(expressions)s #> '{52009230,Value}' as per_frame,
                 %(expressions)s #> '{52009229,Value,0}' as shared,
                 case when %(expressions)s -> '3004000C' is not null
                      then %(expressions)s end as dose offset 0) as kept
)"""
# What each SOP class family cannot be shown as an image stack.
NON_IMAGE_MODALITIES = ("SR", "SEG", "RTSTRUCT", "RTPLAN", "PR", "KO", "ANN", "DOC", "REG", "ECG")


@dataclass(frozen=True)
class ImageSeries:
    """A series to look at: its instances in slice order with their frames."""

    series: Series
    frames: dict[str, int]  # how many by SOP Instance UID, by the first slice of each
    frame_order: list[int] | None  # as of imaging.frame_order.FrameOrder
    not_a_volume: NotAVolume | None
    plane: str  # of its first image: axial, sagittal, coronal, oblique, or "" where unknown
    is_prepared: bool  # all frames are there as HTJ2K, which can be shown before it has all arrived

    @property
    def in_slice_order(self) -> list[tuple[str, int]]:
        """SOP Instance UID and frame, from 1, of every image."""
        return _in_slice_order(self.frames, self.frame_order)


def find_image_series(study: Study) -> list[ImageSeries]:
    """Series with frames, in the order a reader expects, in two queries for the whole study."""
    return find_image_series_of([study])[study.pk]


def find_image_series_of(studies: Sequence[Study]) -> dict[UUID, list[ImageSeries]]:
    """`find_image_series` of several studies, in as many queries for all of them."""
    ids = [study.pk for study in studies]
    images = _images_of(Instance.objects.filter(series__study__in=ids))
    found: dict[UUID, list[ImageSeries]] = {pk: [] for pk in ids}
    in_order = Series.objects.filter(pk__in=images).order_by("series_number", "series_instance_uid")
    for series in in_order.exclude(modality__in=NON_IMAGE_MODALITIES):
        found[series.study_id].append(_image_series(series, images[series.pk]))
    return found


def _images_of(instances: QuerySet[Instance]) -> dict[UUID, list["_Image"]]:
    """Those of the instances that have frames, with where these lie, by their series; in one query."""
    images: dict[UUID, list[_Image]] = defaultdict(list)
    shown = instances.filter(frame_index__isnull=False).annotate(inside=_places_inside())
    for series_id, uid, position, orientation, number, frames, prepared, inside in shown.values_list(
        "series_id", "sop_instance_uid", "position", "orientation", "instance_number",
        "number_of_frames", "prepared__sha256", "inside",
    ):  # fmt: skip
        whole = SlicePlace(
            uid,
            tuple(position) if position and frames == 1 else None,
            tuple(orientation) if orientation else None,
            number,
        )
        places = _places_of_frames(inside or {}, frames, whole)
        images[series_id].append(_Image(ImageObject(uid, number, places), bool(prepared)))
    return images


def _places_inside() -> Case:
    """What tells where frames lie, of objects that may tell it frame by frame; null of the others."""
    may_be_inside = Q(number_of_frames__gt=1) | Q(position__isnull=True)
    inside = Func(F("dicom_json"), template=PLACES_INSIDE, output_field=JSONField())
    return Case(When(may_be_inside, then=inside))


def _places_of_frames(inside: Json, count: int, whole: SlicePlace) -> list[SlicePlace]:
    """What the groups do not tell is that of the whole object; of several frames no position is."""
    if not inside and count == 1:
        return [whole]
    places = [place_of_frame(inside, number, whole.key, number) for number in range(1, count + 1)]
    return [
        replace(
            place,
            position=place.position or whole.position,
            orientation=place.orientation or whole.orientation,
        )
        for place in places
    ]


@dataclass(frozen=True)
class _Image:
    object: ImageObject
    is_prepared: bool


def _image_series(series: Series, images: Sequence[_Image]) -> ImageSeries:
    found = order_frames([image.object for image in images])
    return ImageSeries(
        series=series,
        frames=_frames_by_object(images, found),
        frame_order=found.order,
        not_a_volume=found.not_a_volume,
        is_prepared=all(image.is_prepared for image in images),
        plane=plane_of(found.first.orientation),
    )


def _frames_by_object(images: Sequence[_Image], found: FrameOrder) -> dict[str, int]:
    counts = {image.object.uid: len(image.object.places) for image in images}
    return {uid: counts[uid] for uid in found.uids}


def _in_slice_order(frames: dict[str, int], order: list[int] | None) -> list[tuple[str, int]]:
    row = [(uid, n) for uid, count in frames.items() for n in range(1, count + 1)]
    return row if order is None else [row[place] for place in order]


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


def is_arriving(study: str) -> Exists:
    """Whether the study that this field of a row names is still arriving: what is seen of it is a part."""
    return has_changed(study, timezone.now() - quiet_time())


# The same in SQL, of the study whose id `study` names; it asks for `quiet`.
IS_ARRIVING = """
    EXISTS (SELECT 1 FROM archive_series s JOIN archive_seriespreparation p ON p.series_id = s.id
            WHERE s.study_id = {study} AND p.changed_at > now() - %(quiet)s)
"""


def quiet_time() -> timedelta:
    """A study is whole, as far as can be told, once nothing of it has come for so long."""
    return timedelta(seconds=settings.STUDY_QUIET_SECONDS)


def has_changed(study: str, since: datetime) -> Exists:
    """Whether an object of the study that this field of a row names came after the moment."""
    return Exists(
        SeriesPreparation.objects.filter(series__study=OuterRef(study), changed_at__gt=since)
    )


def has_more_images(study: str, since: str) -> Exists:
    """Whether images of the study that one field of a row names came after the moment in the other field.

    Reports, presentation states and segmentations that come later change nothing of what was looked at.
    """
    later = SeriesPreparation.objects.filter(
        series__study=OuterRef(study), changed_at__gt=OuterRef(since)
    )
    return Exists(later.exclude(series__modality__in=NON_IMAGE_MODALITIES))


def revision_of(study_id: UUID) -> int:
    """A number of what the study holds: it rises with everything that comes."""
    parts = SeriesPreparation.objects.filter(series__study=study_id)
    total: int | None = parts.aggregate(total=Sum("revision"))["total"]
    return total or 0


def middle_frame(instances: QuerySet[Instance]) -> tuple[Instance, int] | None:
    """The frame, from 1, that stands for instances of one series: the middle one in slice order.

    None where none of them has frames.
    """
    found = _images_of(instances)
    if not found:
        return None
    [images] = found.values()
    order = order_frames([image.object for image in images])
    in_order = _in_slice_order(_frames_by_object(images, order), order.order)
    uid, frame = in_order[len(in_order) // 2]
    return instances.defer("dicom_json").get(sop_instance_uid=uid), frame
