"""Turns NIfTI volumes and label maps into DICOM series and known reads with masks."""

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from annotation.accounts.models import User
from annotation.archive.models import Study
from annotation.archive.services.folders import ImportReport
from annotation.archive.services.ingest import ingest
from annotation.core.errors import InvalidInput
from annotation.imaging.conversion import Subject, derived_uid, volume_series
from annotation.labeling.models import Case, LabelSchema, Project
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.label_volumes import Grid, keep_layers, unknown_values
from annotation.labeling.services.projects import add_cases, current_schema

MAX_BYTES = 2 * 2**30
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def import_volume(
    *,
    project: Project,
    image: Path,
    label: Path | None,
    reader: User | None,
    modality: str,
    report: ImportReport,
) -> Study:
    """One NIfTI volume as a series; its label map, if given, as an accepted read of `reader`.

    Raises InvalidInput naming the file.
    """  # fmt: skip
    voxels, affine = load_nifti(image)
    labels = _load_labels(label, image, voxels, affine) if label else None
    schema = current_schema(project)
    if label is not None and labels is not None:
        _refuse_unknown_values(label, labels, schema)
    key = f"nifti {image.name}"
    patient = image.name.split(".")[0]
    study: Study | None = None
    slices = volume_series(_as_int16(voxels), affine, Subject(patient_id=patient), key, modality)
    for data in slices:
        ingested = ingest(collection=project.collection, chunks=[data])
        report.add(ingested)
        study = ingested.study
    if study is None:
        raise InvalidInput(f"{image.name}: the volume has no slices")
    add_cases(project=project, studies=[study])
    if labels is not None and reader is not None and schema is not None:
        case = Case.objects.select_related("project").get(project=project, study=study)
        uids = [derived_uid(key, "instance", z) for z in range(len(voxels))]
        grid = Grid.of_single_frames(derived_uid(key, "series"), uids)
        layers = keep_layers(schema=schema.schema, labels=labels, grid=grid)
        content = {"answers": {}, **({"masks": layers} if layers else {})}
        import_read(reader=reader, case=case, content=content)
    return study


def load_nifti(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Voxels (z, y, x) and the affine from (x, y, z) indices to LPS mm. Raises InvalidInput."""
    try:
        _refuse_bomb(path)
        loaded = nibabel.Nifti1Image.from_filename(path)
        size = int(np.prod([int(n) for n in loaded.shape])) * loaded.get_data_dtype().itemsize  # type: ignore[no-untyped-call]
        if len(loaded.shape) != 3 or size > MAX_BYTES:
            raise InvalidInput(f"{path.name}: is no 3D volume of at most {MAX_BYTES >> 30} GiB")
        voxels = np.asanyarray(loaded.dataobj)
    except (OSError, ValueError, EOFError, nibabel.filebasedimages.ImageFileError) as error:
        raise InvalidInput(f"{path.name}: no readable NIfTI ({type(error).__name__})") from None
    if not np.isfinite(voxels).all():
        raise InvalidInput(f"{path.name}: holds values that are not finite")
    return voxels.transpose(2, 1, 0), RAS_TO_LPS @ loaded.affine


def find_pairs(images: Path, labels: Path | None) -> Iterable[tuple[Path, Path | None]]:
    """Each volume with the label map of the same name."""
    for image in sorted(images.glob("*.nii*")):
        label = labels / image.name if labels else None
        yield image, label if label is not None and label.exists() else None


def _load_labels(
    label: Path, image: Path, voxels: NDArray[Any], affine: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The label map on the image's grid. Raises InvalidInput before anything has been stored."""
    labels, label_affine = load_nifti(label)
    if labels.shape != voxels.shape or not np.allclose(affine, label_affine, atol=1e-3):
        raise InvalidInput(f"{label.name}: does not lie on the grid of {image.name}")
    if labels.min() < 0 or labels.max() > 255 or not np.array_equal(labels, np.round(labels)):
        raise InvalidInput(f"{label.name}: labels must be whole numbers from 0 to 255")
    return labels.astype(np.uint8)


def _refuse_unknown_values(
    label: Path, labels: NDArray[np.uint8], schema: LabelSchema | None
) -> None:
    """Before anything is stored: a mask of a value without a name would show nowhere."""
    if schema is None:
        raise InvalidInput("The project has no questions yet.")
    if unknown := unknown_values(schema.schema, labels):
        raise InvalidInput(f"{label.name}: the project has no segment {unknown[0]}")


def _refuse_bomb(path: Path) -> None:
    """A few kB of gzip can claim gigabytes: count before nibabel allocates."""
    if path.suffix != ".gz":
        return
    total = 0
    with gzip.open(path) as file:
        while chunk := file.read(2**20):
            total += len(chunk)
            if total > MAX_BYTES:
                raise InvalidInput(f"{path.name}: inflates to more than {MAX_BYTES >> 30} GiB")


def _as_int16(voxels: NDArray[Any]) -> NDArray[np.int16]:
    """Whole numbers in range are kept; anything else is stretched over 12 bits."""
    if (
        voxels.min() >= -32_768
        and voxels.max() <= 32_767
        and np.array_equal(voxels, voxels.round())
    ):
        return voxels.astype(np.int16)
    low, high = float(voxels.min()), float(voxels.max())
    return ((voxels - low) / max(high - low, 1e-9) * 4095).astype(np.int16)
