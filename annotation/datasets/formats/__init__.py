"""Export formats; to add one, name it here and its `write` in `writers`.

The writers are apart from their names, because some load libraries that only workers need.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportFormat:
    """A name, the file's suffix and type."""

    name: str
    title: str
    suffix: str
    content_type: str


JSON, ZIP = ("json", "application/json"), ("zip", "application/zip")
FORMATS: dict[str, ExportFormat] = {
    format.name: format
    for format in (
        ExportFormat("csv", "CSV table", "csv", "text/csv"),
        ExportFormat("tables", "CSV tables of every scope (ZIP)", *ZIP),
        ExportFormat("content", "Whole reads (JSON)", *JSON),
        ExportFormat("nifti", "NIfTI volumes and masks (ZIP)", *ZIP),
        ExportFormat("coco", "COCO boxes and polygons", *JSON),
        ExportFormat("dicom_seg", "DICOM segmentations (ZIP)", *ZIP),
        ExportFormat("dicom_sr", "DICOM structured reports (ZIP)", *ZIP),
        ExportFormat("monai_datalist", "MONAI datalist", *JSON),
        ExportFormat("dicom", "DICOM files (ZIP)", *ZIP),
    )
}

__all__ = ["FORMATS", "ExportFormat"]
