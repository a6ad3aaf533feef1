"""The function that writes each export format; only workers import this."""

from annotation.datasets.formats import (
    coco,
    content,
    csv_table,
    dicom_files,
    dicom_seg,
    dicom_sr,
    monai_datalist,
    nifti,
    tables,
)
from annotation.datasets.formats.base import Write

WRITERS: dict[str, Write] = {
    "csv": csv_table.write,
    "tables": tables.write,
    "content": content.write,
    "nifti": nifti.write,
    "coco": coco.write,
    "dicom_seg": dicom_seg.write,
    "dicom_sr": dicom_sr.write,
    "monai_datalist": monai_datalist.write,
    "dicom": dicom_files.write,
}
