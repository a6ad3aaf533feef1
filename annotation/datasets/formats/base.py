"""What an export format is, and how its writer reads a dataset without loading it whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from annotation.archive.models import Instance
from annotation.datasets.models import Dataset, DatasetItem

Report = Callable[[int, int], None]  # (items done, items in all)


@dataclass(frozen=True)
class ExportFormat:
    """A name, the file's suffix and type, and the function that writes it."""

    name: str
    title: str
    suffix: str
    content_type: str
    write: Callable[[Dataset, BinaryIO, Report], None]


def items_of(dataset: Dataset, report: Report) -> Iterator[DatasetItem]:
    """The items in a fixed order, reporting progress every hundred."""
    rows = dataset.items.select_related("case__study").order_by("case_id")
    total = rows.count()
    for done, item in enumerate(rows.iterator(chunk_size=500)):
        if done % 100 == 0:
            report(done, total)
        yield item


def instances_of(item: DatasetItem) -> list[Instance]:
    """The case's instances with their series, in a fixed order, without their DICOM JSON."""
    return list(
        Instance.objects.filter(series__study_id=item.case.study_id)
        .select_related("series")
        .defer("dicom_json", "series__dicom_json", "frame_index")
        .order_by("series__series_number", "series__series_instance_uid", "instance_number", "id")
    )


def file_name(item: DatasetItem, instance: Instance) -> str:
    """Where the DICOM export keeps an instance; the datalist points there."""
    return f"dicom/{item.split}/{item.case_id}/{instance.sha256[:32]}.dcm"
