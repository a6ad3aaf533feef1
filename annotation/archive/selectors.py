"""Reads from the archive; who may read is decided by `labeling.access`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, Func, JSONField, Window
from django.db.models.functions import RowNumber

from annotation.archive.models import Instance, Series, Study
from annotation.imaging.geometry import ORIENTATION, PER_FRAME, SHARED, orientation_of_frame
from annotation.imaging.volume import NotAVolume, SlicePlace, order_slices, plane_of

# Of a header the groups that tell how the first frame lies, as the header has them.
SHORT = f"""jsonb_strip_nulls(jsonb_build_object(
    '{PER_FRAME}', jsonb_build_object('Value', jsonb_build_array(jsonb_build_object(
        '{ORIENTATION}', %(expressions)s #> '{{{PER_FRAME},Value,0,{ORIENTATION}}}'))),
    '{SHARED}', jsonb_build_object('Value', jsonb_build_array(jsonb_build_object(
        '{ORIENTATION}', %(expressions)s #> '{{{SHARED},Value,0,{ORIENTATION}}}')))
))"""
# What each SOP class family cannot be shown as an image stack.
NON_IMAGE_MODALITIES = ("SR", "SEG", "RTSTRUCT", "RTPLAN", "PR", "KO", "ANN", "DOC", "REG", "ECG")


@dataclass(frozen=True)
class ImageSeries:
    """A series to look at: its instances in slice order with their frames."""

    series: Series
    frames: dict[str, int]  # frames by SOP Instance UID, in slice order
    not_a_volume: NotAVolume | None
    plane: str  # of its first image: axial, sagittal, coronal, oblique, or "" where unknown
    is_prepared: bool  # all frames are there as HTJ2K, which can be shown before it has all arrived


def find_image_series(study: Study) -> list[ImageSeries]:
    """Series with frames, in the order a reader expects, in two queries for the whole study.

    And one more where it holds objects of several frames.
    """
    return find_image_series_of([study])[study.pk]


def find_image_series_of(studies: Sequence[Study]) -> dict[UUID, list[ImageSeries]]:
    """`find_image_series` of several studies, in as many queries for all of them."""
    ids = [study.pk for study in studies]
    images: dict[UUID, list[_Image]] = defaultdict(list)
    shown = Instance.objects.filter(series__study__in=ids, frame_index__isnull=False)
    rows = list(shown.values_list(
        "series_id", "sop_instance_uid", "position", "orientation", "instance_number",
        "number_of_frames", "prepared__sha256",
    ))  # fmt: skip
    inside = _orientations_inside([row[1] for row in rows if row[5] > 1 and not row[3]], ids)
    for series_id, uid, position, orientation, number, frames, prepared in rows:
        orientation = orientation or inside.get(uid)
        place = SlicePlace(
            uid,
            tuple(position) if position else None,
            tuple(orientation) if orientation else None,
            number,
        )
        images[series_id].append(_Image(place, frames, bool(prepared)))
    found: dict[UUID, list[ImageSeries]] = {pk: [] for pk in ids}
    in_order = Series.objects.filter(pk__in=images).order_by("series_number", "series_instance_uid")
    for series in in_order.exclude(modality__in=NON_IMAGE_MODALITIES):
        found[series.study_id].append(_image_series(series, images[series.pk]))
    return found


def _orientations_inside(
    uids: Sequence[str], study_ids: Sequence[UUID]
) -> dict[str, tuple[float, ...] | None]:
    """Of the first frame of objects that say it frame by frame, by SOP Instance UID.

    The database picks what tells it: a header names every one of thousands of frames.
    """
    if not uids:
        return {}
    known = Instance.objects.filter(series__study__in=study_ids, sop_instance_uid__in=uids)
    short = known.annotate(short=Func(F("dicom_json"), template=SHORT, output_field=JSONField()))
    return {
        uid: orientation_of_frame(header, 1)
        for uid, header in short.values_list("sop_instance_uid", "short")
    }


@dataclass(frozen=True)
class _Image:
    place: SlicePlace
    frames: int
    is_prepared: bool


def _image_series(series: Series, images: Sequence[_Image]) -> ImageSeries:
    order = order_slices([image.place for image in images])
    by_key = {image.place.key: image for image in images}
    in_slice_order = {uid: by_key[uid].frames for uid in order.keys}
    # Positions of frames inside one object are not read yet, so nothing is claimed of them.
    is_multi_frame = any(count > 1 for count in in_slice_order.values())
    return ImageSeries(
        series=series,
        frames=in_slice_order,
        not_a_volume=NotAVolume.MULTI_FRAME if is_multi_frame else order.not_a_volume,
        is_prepared=all(image.is_prepared for image in images),
        plane=plane_of(by_key[order.keys[0]].place.orientation),
    )


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


def has_files_of(study_ids: Iterable[UUID]) -> bool:
    """Whether every stored file of these studies can be seen by this machine."""
    instances = Instance.objects.filter(series__study_id__in=list(study_ids)).only("sha256")
    return all(instance.path.exists() for instance in instances.iterator(chunk_size=1000))


def middle_instance(series: Series) -> Instance | None:
    """The instance that stands for a series: the middle one of those with frames."""
    images = series.instances.filter(frame_index__isnull=False).order_by("instance_number", "id")
    count = images.count()
    return images.defer("dicom_json")[count // 2] if count else None
