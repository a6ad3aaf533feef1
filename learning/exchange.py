"""Models out of the product and into it, as MONAI bundles: where the database meets their files."""

import hashlib
import os
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation.core import audit, jobs
from annotation.core.errors import DomainError
from annotation.labeling.services.projects import current_schema
from learning.models import BundleExport, BundleImport, ModelVersion, Target, TargetKind
from learning.services.bundles import arrived_path, export_path
from learning.stored_models import (
    described,
    load_detector,
    load_model,
    next_number,
    weights_folder,
)
from learning.training.bundle import Model, export_zip, import_bundle
from learning.training.bundle_files import RECORD, InvalidBundle
from learning.training.checkpoint import save_weights
from learning.training.detection.bundle import BoxModel
from learning.training.inputs import InputSpec

OTHER_INPUT = (
    f"{RECORD}: input: the model looks at other series, another grid or other columns than this target "
    "shows"
)


class UnfitModel(DomainError):
    """The bundle is whole, but its model does not answer this target; names file and field."""


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
    return load_detector(version) if is_detector else load_model(version)


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


def require_fitting(target: Target, model: Model | BoxModel) -> None:
    """Raises UnfitModel unless the model answers the target's question from the target's images."""
    if isinstance(model, BoxModel):
        _require_boxes(target, model)
    else:
        _require_answers(target, model)


def _require_boxes(target: Target, model: BoxModel) -> None:
    """In the order of the target's labels: a detection names its class by number."""
    schema = current_schema(target.project)
    known = schema.schema.labels if schema else []
    labels = [key for key in target.options.get("labels", []) if key in known]
    if list(model.classes) != labels:
        raise UnfitModel(_other_task(target, model.classes, labels))
    wanted, given = (InputSpec.from_json(i) if i else None for i in (target.input, model.input))
    if given != wanted:
        raise UnfitModel(OTHER_INPUT)


def _other_task(target: Target, has: Iterable[str], wanted: Iterable[str]) -> str:
    return (
        f"{RECORD}: task: the model tells apart {', '.join(has)}; "
        f"{target.name} asks for {', '.join(wanted) or target.kind}"
    )


def _require_answers(target: Target, model: Model) -> None:
    schema = current_schema(target.project)
    question = schema.schema.question(target.question) if schema else None
    options = list(question.option_keys) if question else []
    classes = list(getattr(model.task, "classes", ()))
    is_one = model.task.kind == target.kind == "one"
    if not is_one or set(classes) != set(options):
        raise UnfitModel(_other_task(target, classes or [model.task.kind], options))
    if target.input:
        _require_same_input(target, model)
    else:
        _require_frame(model)


def _require_frame(model: Model) -> None:
    architecture, side = model.architecture, model.config.side
    is_frame = not model.input and architecture.is_plain() and sum(architecture.channels) == 1
    if not is_frame or architecture.dimensions != "2d" or architecture.size != (side, side):
        raise UnfitModel(
            f"{RECORD}: architecture: this target shows one grey frame of {side} by {side} pixels "
            f"per study; the model looks at something else"
        )


def _require_same_input(target: Target, model: Model) -> None:
    wanted, architecture = InputSpec.from_json(target.input), model.architecture
    if not model.input or InputSpec.from_json(model.input) != wanted:
        raise UnfitModel(OTHER_INPUT)
    seen = (architecture.dimensions, architecture.size, architecture.channels)
    if seen != (wanted.dimensions, wanted.size, wanted.branches):
        raise UnfitModel(f"{RECORD}: architecture: the network does not fit the input beside it")


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
        "columns": model.columns, **described(model.task, model.architecture, model.config),
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
