"""Makes the map of one explanation: where the database meets the methods of training.explain.

On the CPU, whatever else the machine has: a round's memory on the GPU is never taken for a picture.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import numpy as np
import torch
from numpy.typing import NDArray

from annotation.archive.models import Series
from annotation.core import jobs
from annotation.core.errors import DomainError
from annotation.imaging import masks
from annotation.labeling.models import Case
from learning.column_values import current_rows, with_rows
from learning.explainable import ATTENTION_ROLLOUT, GRAD_CAM, OCCLUSION
from learning.images import ImageCache, choose_images, middle_frame
from learning.models import Explanation
from learning.pipeline.image_boxes import Fit
from learning.services.explanations import map_path
from learning.stored_models import load_model
from learning.training.bundle import Model
from learning.training.columns import Row
from learning.training.explain import (
    Map,
    Values,
    attention_rollout,
    grad_cam,
    occlusion_map,
    uncertainty_map,
)
from learning.training.inputs import InputSpec
from learning.training.networks.fusion import WithColumns
from learning.training.placing import Edges, place
from learning.training.predict import Members, segment
from learning.training.preparation import UnusableInput
from learning.training.tasks import OrdinalGrade
from learning.volumes import SpecifiedInputs, as_unusable

CPU = torch.device("cpu")
PATCHES = {2: 6, 3: 5}  # that an image is hidden in along each axis, by its axes: coarse and quick
AT_ONCE = {2: 16, 3: 2}  # images with a hidden patch in one pass
CANNOT_LOOK = "The model cannot look at this case: {reason}."
SMALLEST = 1e-12
SMALLEST_SHARE = 1e-7


class Unexplained(DomainError):
    """There is nothing to make a map from; says why, without a path."""


@dataclass(frozen=True)
class Seen:
    """What the network sees of a case, and the frames that it was made from."""

    image: NDArray[np.float16]  # (channels, *space)
    edges: Edges
    series: Series
    frames: Sequence[tuple[str, int]]  # SOP Instance UID and frame number
    row: Row = field(default_factory=dict)  # clinical values beside the image


def explain(job: Explanation) -> None:
    """Make the map, keep its bytes, and say where it lies, or why there is none: a reader reads that."""
    try:
        _make(job)
    except Unexplained as error:
        jobs.finish(job, jobs.JobState.FAILED, error=str(error))
    except UnusableInput as error:
        jobs.finish(job, jobs.JobState.FAILED, error=CANNOT_LOOK.format(reason=error))


def _make(job: Explanation) -> None:
    jobs.report(job, step="load")
    try:
        model = load_model(job.model_version)
    except (OSError, ValueError):
        raise Unexplained("The weights of the model cannot be read.") from None
    seen = look(model, job.case)
    jobs.report(job, step="explain")
    placed = place(draw(model, seen, job), seen.edges, len(seen.frames))
    data = masks.compress(placed.values)
    sha256 = masks.address(data)
    _keep(sha256, data)
    frames = seen.frames[placed.first : placed.first + len(placed.values)]
    where = {
        "series_instance_uid": seen.series.series_instance_uid,
        "frames": [list(frame) for frame in frames],
        "box": list(placed.box),
    }
    if Explanation.ownership(job).update(place=where, sha256=sha256, size_bytes=len(data)):
        jobs.finish(job, jobs.JobState.COMPLETED)


def look(model: Model, case: Case) -> Seen:
    """The network's input of a case with its place in the images. Raises Unexplained, UnusableInput."""
    excluded: dict[UUID, str] = {}
    if model.input:
        spec = InputSpec.from_json(model.input)
        inputs = SpecifiedInputs(spec)
        rows = current_rows(case.project, [case], spec.columns)
        for chosen in with_rows(inputs.choose([case], excluded), rows, spec.columns, excluded):
            prepared = inputs.load_placed(chosen)
            frames = [(f.instance.sop_instance_uid, f.number) for f in inputs.frames_of(chosen)]
            [series, *_] = chosen.series.values()
            return Seen(prepared.image, prepared.edges, series, frames, rows.get(case.pk, {}))
    for found in choose_images([case], excluded):
        instance, side = found.instance, model.architecture.size[0]
        frame = (instance.sop_instance_uid, middle_frame(instance))
        edges = Fit.of(instance, side).edges
        with as_unusable():
            image = ImageCache(side).load(instance)[None]
        return Seen(image, edges, instance.series, [frame])
    raise Unexplained(CANNOT_LOOK.format(reason=excluded[case.pk]))


def draw(model: Model, seen: Seen, job: Explanation) -> Map:
    """The map of the job's method in the network's grid, from 0 to 1."""
    image, task = seen.image, model.task
    encoder = model.encoder()
    network = model.network
    if encoder is not None:
        network = WithColumns(network, torch.from_numpy(encoder.encode(seen.row)))
    target = task.classes.index(job.answer) if job.answer else 0  # type: ignore[attr-defined]
    if job.method == GRAD_CAM:
        return grad_cam(network, image, target, values=_logits_of(model))
    if job.method == OCCLUSION:

        def on_progress(done: int, total: int) -> None:
            jobs.report(job, step="explain", done=done, total=total)

        shape = image.shape[1:]
        patch = [max(side // PATCHES[len(shape)], 1) for side in shape]
        stride = [max(side // 2, 1) for side in patch] if len(shape) == 2 else patch
        return occlusion_map(
            network, image, target, patch=patch, stride=stride, batch_size=AT_ONCE[len(shape)],
            values=_sureness_of(model), on_progress=on_progress,
        )  # fmt: skip
    if job.method == ATTENTION_ROLLOUT:
        patch = model.architecture.definition().arguments["patch_size"]
        return attention_rollout(network, image, patch=patch)  # type: ignore[arg-type]
    members = Members([network])
    [probabilities] = segment(members, image, task, model.architecture, model.config, CPU)
    return uncertainty_map(probabilities)


def _logits_of(model: Model) -> Values | None:
    """One logit per answer: a grade's outputs are those of the steps between grades."""
    task = model.task
    if isinstance(task, OrdinalGrade):
        return lambda outputs: task.predictions(outputs).clamp(min=SMALLEST).log()
    return None


def _sureness_of(model: Model) -> Values:
    """What falls where a patch is hidden: the log odds of an answer, or the number itself.

    Probabilities of a sure network hardly move, and their map would be noise.
    """
    task = model.task
    if hasattr(task, "classes"):
        return lambda outputs: task.predictions(outputs).logit(eps=SMALLEST_SHARE)
    return task.predictions


def _keep(sha256: str, data: bytes) -> None:
    path = map_path(sha256)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{uuid4().hex}.part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
