"""Export formats; to add one, write a module with an `ExportFormat` and name it here."""

from annotation.datasets.formats.base import ExportFormat
from annotation.datasets.formats.csv_table import CSV_TABLE
from annotation.datasets.formats.dicom_files import DICOM_FILES
from annotation.datasets.formats.monai_datalist import MONAI_DATALIST

FORMATS: dict[str, ExportFormat] = {
    format.name: format for format in (CSV_TABLE, MONAI_DATALIST, DICOM_FILES)
}

__all__ = ["FORMATS", "ExportFormat"]
