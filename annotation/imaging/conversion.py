"""Writes DICOM from pictures and volumes that arrive in other formats.

Identifiers are derived from the content by hash, so that converting a folder twice gives the
same objects and the second import finds nothing new.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

IMPLEMENTATION_UID = "2.25.197134418651093526240218473529806211"
SOP_CLASSES = {
    "DX": DigitalXRayImageStorageForPresentation,
    "CT": CTImageStorage,
    "MR": MRImageStorage,
}


@dataclass(frozen=True)
class Subject:
    """Whom and what a converted study shows; empty strings where unknown."""

    patient_id: str
    sex: str = ""
    age_years: int | None = None
    view: str = ""
    description: str = ""
    accession_number: str = ""
    study_date: date | None = None
    extra: dict[str, str] = field(default_factory=dict)


def derived_uid(*parts: object) -> str:
    """A UID under 2.25 from a hash of the parts: the same parts always give the same UID."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def radiograph(pixels: NDArray[np.generic], subject: Subject, key: str) -> bytes:
    """One DX object from a (rows, columns) grey image of 8 or 16 bits."""
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"a radiograph is uint8 or uint16 (rows, columns), not {pixels.dtype} {pixels.shape}"
        )
    dataset = _base("DX", subject, key)
    dataset.SOPInstanceUID = derived_uid(key, "instance")
    dataset.InstanceNumber = 1
    if subject.view:
        dataset.ViewPosition = subject.view
    if subject.view in ("PA", "AP"):  # both are displayed as if facing the patient
        dataset.PatientOrientation = ["L", "F"]
    dataset.BodyPartExamined = "CHEST"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.BurnedInAnnotation = "NO"
    _set_pixels(dataset, pixels)
    return _encode(dataset)


def volume_series(
    voxels: NDArray[np.int16],
    affine_lps: NDArray[np.float64],
    subject: Subject,
    key: str,
    modality: str,
) -> Iterator[bytes]:
    """One CT or MR object per slice of a (z, y, x) volume.

    `affine_lps` (4x4) maps voxel indices (x, y, z, 1) to patient millimetres.
    """
    columns = affine_lps[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    directions = columns / spacing
    frame_of_reference = derived_uid(key, "frame of reference")
    for z, plane in enumerate(voxels):
        dataset = _base(modality, subject, key)
        dataset.SOPInstanceUID = derived_uid(key, "instance", z)
        dataset.InstanceNumber = z + 1
        dataset.FrameOfReferenceUID = frame_of_reference
        dataset.ImageOrientationPatient = [
            round(v, 8) for v in [*directions[:, 0], *directions[:, 1]]
        ]
        place = affine_lps @ np.array([0, 0, z, 1])
        dataset.ImagePositionPatient = [round(float(v), 6) for v in place[:3]]
        dataset.PixelSpacing = [round(float(spacing[1]), 6), round(float(spacing[0]), 6)]
        dataset.SliceThickness = round(float(spacing[2]), 6)
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0"
        if modality == "CT":
            dataset.RescaleType = "HU"
            dataset.WindowCenter, dataset.WindowWidth = "40", "400"
        _set_pixels(dataset, plane)
        yield _encode(dataset)


def _base(modality: str, subject: Subject, key: str) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SOP_CLASSES[modality]
    dataset.Modality = modality
    dataset.StudyInstanceUID = derived_uid(key, "study")
    dataset.SeriesInstanceUID = derived_uid(key, "series")
    dataset.PatientID = subject.patient_id
    dataset.PatientName = ""
    dataset.PatientBirthDate = ""
    dataset.PatientSex = subject.sex
    if subject.age_years is not None:
        dataset.PatientAge = f"{min(subject.age_years, 999):03d}Y"
    dataset.StudyDate = subject.study_date.strftime("%Y%m%d") if subject.study_date else ""
    dataset.StudyTime = ""
    dataset.StudyID = ""
    dataset.AccessionNumber = subject.accession_number
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = subject.description
    dataset.SeriesNumber = 1
    dataset.Manufacturer = "Firstread"
    for keyword, value in subject.extra.items():
        setattr(dataset, keyword, value)
    return dataset


def _set_pixels(dataset: Dataset, pixels: NDArray[np.generic]) -> None:
    bits = pixels.dtype.itemsize * 8
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = bits
    dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    if "WindowCenter" not in dataset:
        low, high = float(pixels.min()), float(pixels.max())
        dataset.WindowCenter = f"{(low + high + 1) / 2:.1f}"
        dataset.WindowWidth = f"{max(high - low + 1, 1):.1f}"
    data = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("<"))).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)


def _encode(dataset: Dataset) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    output = io.BytesIO()
    dcmwrite(output, dataset, enforce_file_format=True)
    return output.getvalue()
