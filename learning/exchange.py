"""Models out of the product and into it, as MONAI bundles: where the database meets their files."""

import hashlib
import os
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation.core import audit, jobs
from learning.fitness import UnfitModel, asked_of, require_fitting
from learning.models import BundleExport, BundleImport, ModelVersion, TargetKind
from learning.services.bundles import arrived_path, export_path
from learning.stored_models import (
    described,
    load_detector,
    load_model,
    next_number,
    schema_of,
    weights_folder,
)
from learning.training.bundle import Model, export_zip, import_bundle
from learning.training.bundle_files import InvalidBundle
from learning.training.checkpoint import save_weights
from learning.training.detection.bundle import BoxModel


def write_bundle(export: BundleExport) -> None:
    """Write the ZIP beside its place, sync and rename: a half file is never offered."""
    jobs.report(export, step="write")
    place = export_path(export)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = place.with_name(f"{place.name}.{export.attempt}.part")
    try:
        export_zip(_stored(export.model_version), partial)
        with partial.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        size = partial.stat().st_size
        if BundleExport.ownership(export).update(sha256=sha256, size_bytes=size):
            partial.rename(place)
            jobs.finish(export, jobs.JobState.COMPLETED)
    finally:
        partial.unlink(missing_ok=True)


def _stored(version: ModelVersion) -> Model | BoxModel:
    is_detector = version.target.kind == TargetKind.BOXES
    if is_detector:
        return load_detector(version)
    return replace(load_model(version), asked=asked_of(version.target, schema_of(version)))


def take_in(arrived: BundleImport) -> None:
    """Check the bundle wholly, then keep its weights and make it a candidate, in one step."""
    jobs.report(arrived, step="check")
    path = arrived_path(arrived)
    try:
        model = import_bundle(path, settings.LARGEST_BUNDLE_BYTES)
        require_fitting(arrived.target, model)
    except (InvalidBundle, UnfitModel):
        path.unlink(missing_ok=True)
        raise
    _keep(arrived, model)
    path.unlink(missing_ok=True)


def _fields(model: Model | BoxModel) -> dict[str, Any]:
    """Of a version: what is told apart, and by which network."""
    if isinstance(model, BoxModel):
        return {
            "classes": list(model.classes), "thresholds": list(model.thresholds),
            "task": model.task, "architecture": model.architecture,
            "config": model.config.as_json(),
        }  # fmt: skip
    return {
        "classes": list(getattr(model.task, "classes", ())), "threshold": model.threshold,
        "thresholds": list(model.thresholds), "columns": model.columns,
        **described(model.task, model.architecture, model.config),
    }  # fmt: skip


@transaction.atomic
def _keep(arrived: BundleImport, model: Model | BoxModel) -> None:
    if BundleImport.ownership(arrived).select_for_update().first() is None:
        raise jobs.JobFenced(str(arrived.pk))
    version = ModelVersion.objects.create(
        target=arrived.target,
        number=next_number(arrived.target),
        origin=f"bundle {model.name} {model.version}"[:150] + f" (SHA-256 {arrived.sha256[:16]})",
        weights_sha256=save_weights(model.network, weights_folder()),
        input=model.input,
        **_fields(model),
    )
    BundleImport.ownership(arrived).update(model_version=version)
    audit.record(
        actor=arrived.requested_by, action="model_imported", target=version,
        project_id=arrived.target.project_id, bundle_sha256=arrived.sha256,
        weights_sha256=version.weights_sha256,
    )  # fmt: skip
    jobs.finish(arrived, jobs.JobState.COMPLETED)
