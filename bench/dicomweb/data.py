"""Makes the benchmark's DICOM files, the same ones every time, and keeps them in a cache folder."""

import functools
import itertools
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

CACHE = Path(tempfile.gettempdir()) / "firstread-bench-dicomweb-1"
UID_ROOT = "1.2.826.0.1.3680043.10.1338"
BOUNDARY = b"bench-7d1f0c52e9ab4c1f8d3370aa61c0"
STOW_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}'
CT_SERIES, CT_SLICES, CT_SIDE = 5, 200, 512
DX_STUDIES, DX_SIDE = 200, 1024
SMALL_SIDE = 64
SMALL_FIRST, CT_FIRST, DX_FIRST = 10**11, 2 * 10**11, 3 * 10**11
_fresh_tokens = itertools.count(4 * 10**11)

FAMILIES = ("Chen", "Garcia", "Ivanova", "Jensen", "Kowalski", "Meyer", "Okafor", "Rossi", "Sato")
GIVEN = ("Ada", "Ben", "Carla", "David", "Emma", "Farid", "Greta", "Hugo")
SMALL_KINDS = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
}


@dataclass(frozen=True)
class Item:
    """One file: `token` is 12 digits that all its UIDs and its PatientID hold."""

    path: Path
    token: int
    series: int
    number: int

    @property
    def study_uid(self) -> str:
        return uid(self.token)

    @property
    def url(self) -> str:
        uids = (uid(self.token), uid(self.token, self.series),
                uid(self.token, self.series, self.number))  # fmt: skip
        return "studies/{}/series/{}/instances/{}".format(*uids)

    @property
    def series_url(self) -> str:
        return self.url.rsplit("/instances/", 1)[0]


@dataclass(frozen=True)
class Data:
    """Everything that is loaded into both servers."""

    small: list[Item]
    ct: list[Item]
    dx: list[Item]


class Template:
    """A STOW body whose objects can be given new UIDs in place, in microseconds."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.instances = len(items)
        self.body = bytearray(multipart(items))
        tokens = {str(item.token).encode() for item in items}
        pattern = re.compile(b"|".join(tokens))
        self._positions = [match.start() for match in pattern.finditer(self.body)]

    def renew(self) -> bytearray:
        """The same body as one new study of one new patient."""
        token = str(next(_fresh_tokens)).encode()
        for start in self._positions:
            self.body[start : start + len(token)] = token
        return self.body


def prepare(studies: int) -> Data:
    """The files, made where the cache lacks them."""
    ct = [
        Item(CACHE / "ct" / f"{series}-{number:03}.dcm", CT_FIRST + series, 1, number)
        for series in range(CT_SERIES)
        for number in range(1, CT_SLICES + 1)
    ]
    dx = [
        Item(CACHE / "dx" / f"{n:03}.dcm", DX_FIRST + n, 1, n + 1) for n in range(DX_STUDIES)
    ]  # numbered apart, so that several fit into one study
    small = [
        Item(CACHE / "small" / f"{n // 1000:03}" / f"{n:06}.dcm", SMALL_FIRST + n, 1, 1)
        for n in range(studies)
    ]
    kinds: tuple[tuple[list[Item], Callable[[Item], Dataset]], ...] = (
        (ct, _ct_slice), (dx, _radiograph), (small, _small_image),
    )  # fmt: skip
    for items, make in kinds:
        for item in items:
            if not item.path.exists():
                _write(item.path, make(item))
    return Data(small, ct, dx)


def uid(token: int, *parts: int) -> str:
    return ".".join([UID_ROOT, str(token), *(str(part) for part in parts)])


def multipart(items: Sequence[Item]) -> bytes:
    return b"".join(_parts(items))


def _parts(items: Sequence[Item]) -> Iterator[bytes]:
    for item in items:
        yield b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
        yield item.path.read_bytes()
        yield b"\r\n"
    yield b"--" + BOUNDARY + b"--\r\n"


def _write(path: Path, dataset: Dataset) -> None:
    """Whole or not at all: an interrupted run leaves no half file in the cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    dcmwrite(partial, dataset, enforce_file_format=True)
    partial.rename(path)


def header(sop_class: UID, token: int, series: int, number: int) -> Dataset:
    """What every object of the benchmark says about itself."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class
    dataset.StudyInstanceUID = uid(token)
    dataset.SeriesInstanceUID = uid(token, series)
    dataset.SOPInstanceUID = uid(token, series, number)
    dataset.FrameOfReferenceUID = uid(token, 9)
    dataset.PatientID = f"P{token}"
    dataset.PatientName = f"{FAMILIES[token % 9]}^{GIVEN[token % 8]}"
    dataset.PatientSex = "FM"[token % 2]
    dataset.PatientBirthDate = f"{1930 + token % 70}0401"
    dataset.PatientAge = f"{token % 90 + 1:03}Y"
    dataset.AccessionNumber = f"A{token}"
    dataset.StudyID = f"S{token % 10**6}"
    dataset.StudyDate = dataset.SeriesDate = study_date(token).strftime("%Y%m%d")
    dataset.StudyTime = dataset.SeriesTime = f"{token % 24:02}3000"
    dataset.StudyDescription = f"Benchmark {token % 40}"
    dataset.ReferringPhysicianName = "Referrer^Rita"
    dataset.Manufacturer, dataset.InstitutionName = "Firstread", "Bench"
    dataset.SeriesNumber, dataset.InstanceNumber = series, number
    dataset.SeriesDescription = "Series of the benchmark"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    return dataset


def study_date(token: int) -> date:
    return date(2010, 1, 1) + timedelta(days=token * 7919 % 5000)


def describe_pixels(dataset: Dataset, side: int, *, is_signed: bool) -> None:
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = int(is_signed)


@functools.lru_cache(maxsize=4)
def smooth_field(seed: int, side: int, width: float) -> NDArray[np.float32]:
    """Gaussian noise of unit variance, correlated over `width` pixels: anatomy as a codec sees it."""
    white = np.fft.rfft2(np.random.default_rng(seed).normal(size=(side, side)))
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    field = np.fft.irfft2(white * np.exp(-2 * (np.pi * width) ** 2 * (rows**2 + columns**2)))
    return np.asarray(field / field.std(), np.float32)


def ct_pixels(seed: int, number: int, side: int = CT_SIDE) -> NDArray[np.int16]:
    """Hounsfield units of one slice: fields that turn into each other along z, and fine noise."""
    angle = number / 40
    field = np.cos(angle) * smooth_field(seed, side, 12) + np.sin(angle) * smooth_field(
        seed + 1, side, 12
    )
    noise = np.random.default_rng([seed, number]).normal(0, 12, (side, side))
    grid = np.linspace(-1, 1, side)
    body = (grid[:, None] / 0.7) ** 2 + (grid[None, :] / 0.85) ** 2 < 1
    return np.asarray(np.where(body, 40 + 150 * field + noise, -1000), np.int16)


def _ct_slice(item: Item) -> Dataset:
    dataset = header(CTImageStorage, item.token, item.series, item.number)
    dataset.Modality, dataset.BodyPartExamined, dataset.KVP = "CT", "CHEST", "120"
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 1.5
    dataset.ImagePositionPatient = [-179.2, -179.2, 1.5 * item.number]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    describe_pixels(dataset, CT_SIDE, is_signed=True)
    dataset.PixelData = ct_pixels(10 * (item.token - CT_FIRST), item.number).tobytes()
    return dataset


def _radiograph(item: Item) -> Dataset:
    dataset = header(DigitalXRayImageStorageForPresentation, item.token, item.series, item.number)
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.WindowCenter, dataset.WindowWidth = 8000, 12000
    describe_pixels(dataset, DX_SIDE, is_signed=False)
    noise = np.random.default_rng(item.number).normal(0, 60, (DX_SIDE, DX_SIDE))
    field = 8000 + 2500 * smooth_field(item.number, DX_SIDE, 30) + noise
    dataset.PixelData = np.clip(field, 0, 65535).astype("<u2").tobytes()
    return dataset


def _small_image(item: Item) -> Dataset:
    modality = list(SMALL_KINDS)[item.token % 4]
    dataset = header(SMALL_KINDS[modality], item.token, item.series, item.number)
    dataset.Modality = modality
    describe_pixels(dataset, SMALL_SIDE, is_signed=False)
    pixels = np.random.default_rng(item.token).normal(2000, 300, (SMALL_SIDE, SMALL_SIDE))
    dataset.PixelData = pixels.astype("<u2").tobytes()
    return dataset
