"""A ZIP of the original DICOM files with labels, datalist and a manifest of hashes."""

import io
import json
import shutil
import zipfile
from typing import Any, BinaryIO

from annotation.datasets.formats import csv_table, monai_datalist
from annotation.datasets.formats.base import (
    Report,
    file_name,
    instances_of,
    items_of,
)
from annotation.datasets.models import Dataset

FIXED_DATE = (2000, 1, 1, 0, 0, 0)  # the same dataset gives the same bytes


def write(dataset: Dataset, file: BinaryIO, report: Report) -> None:
    manifest: list[dict[str, Any]] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for item in items_of(dataset, report):
            for instance in instances_of(item):
                name = file_name(item, instance)
                with (
                    instance.path.open("rb") as source,
                    archive.open(zipfile.ZipInfo(name, FIXED_DATE), "w", force_zip64=True) as out,
                ):
                    shutil.copyfileobj(source, out, 2**20)
                manifest.append(
                    {
                        "file": name,
                        "sha256": instance.sha256,
                        "sop_instance_uid": instance.sop_instance_uid,
                        "case": str(item.case_id),
                    }
                )
        _add(archive, "labels.csv", _made(dataset, csv_table.write))
        _add(archive, "datalist.json", _made(dataset, monai_datalist.write))
        body = {"dataset": str(dataset.pk), "sha256": dataset.sha256, "files": manifest}
        _add(archive, "manifest.json", json.dumps(body, indent=1).encode())


def _made(dataset: Dataset, writer: Any) -> bytes:
    buffer = io.BytesIO()
    writer(dataset, buffer, lambda _done, _total: None)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, FIXED_DATE), data)
