"""Reads from the archive; who may read is decided by `labeling.access`."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from annotation.archive.models import Instance, Series, Study
from annotation.imaging.volume import SliceOrder, SlicePlace, order_slices

# What each SOP class family cannot be shown as an image stack.
NON_IMAGE_MODALITIES = ("SR", "SEG", "RTSTRUCT", "RTPLAN", "PR", "KO", "ANN", "DOC", "REG", "ECG")


def find_image_series(study: Study) -> QuerySet[Series]:
    """Series with frames to look at, in the order a reader expects."""
    return (
        study.series.filter(instances__frame_index__isnull=False)
        .exclude(modality__in=NON_IMAGE_MODALITIES)
        .distinct()
        .order_by("series_number", "series_instance_uid")
    )


def order_of_series(series: Series) -> SliceOrder:
    """SOP Instance UIDs in slice order, and why they are no volume if they are not."""
    rows = series.instances.values_list(
        "sop_instance_uid", "position", "orientation", "instance_number"
    )
    return order_slices(
        [
            SlicePlace(
                uid,
                tuple(position) if position else None,
                tuple(orientation) if orientation else None,
                number,
            )
            for uid, position, orientation, number in rows
        ]
    )


def find_training_instances(study_ids: Iterable[UUID]) -> dict[UUID, Instance]:
    """One image per study for a 2D model: the middle slice of its first series with frames."""
    rows = (
        Instance.objects.filter(
            series__study_id__in=list(study_ids), frame_index__isnull=False, unrenderable_reason=""
        )
        .exclude(series__modality__in=NON_IMAGE_MODALITIES)
        .select_related("series")
        .defer("dicom_json", "frame_index", "series__dicom_json")
        .order_by("series__series_number", "series__series_instance_uid", "instance_number")
    )
    by_study: dict[UUID, list[Instance]] = {}
    for instance in rows:
        chosen = by_study.setdefault(instance.series.study_id, [])
        if not chosen or chosen[0].series_id == instance.series_id:
            chosen.append(instance)
    return {study: found[len(found) // 2] for study, found in by_study.items()}
