"""Tells finished rounds, cross-validations and pre-trainings to MLflow, Weights & Biases and TensorBoard.

The only module that knows them. What leaves is listed in `record_of`: recipe, curves, figures, hashes
and two files that hold all of these, never an identifier of a patient, a case or a person. A tracker
that fails is noted in the job, which has ended by then.
"""

import importlib
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.core import wording
from annotation.core.jobs import JobState
from annotation.core.locks import advisory_lock
from learning.models import CrossValidation, EncoderVersion, Round, Target

logger = logging.getLogger(__name__)
Tracked = Round | CrossValidation | EncoderVersion
Value = str | int | float | bool
TOLD = (JobState.COMPLETED, JobState.FAILED)
OF_CASES = ("excluded", "excluded_reasons")  # figures that name cases stay here


class NotConfigured(RuntimeError):
    """A tracker lacks a setting or its package; says which."""


@dataclass(frozen=True)
class Record:
    """What trackers are told of a job: names, settings, one point per epoch or fold, final figures."""

    key: str
    name: str
    what: str  # "round", "cross-validation", "pre-training"
    config: dict[str, Value]
    curves: list[dict[str, float]]
    figures: dict[str, float]
    files: dict[str, str]  # JSON by name
    has_failed: bool

    @property
    def part(self) -> str:
        """What the points of the curves are called."""
        return "fold" if self.what == "cross-validation" else "train"


def track(job: Tracked) -> None:
    """Tell every configured tracker that has not heard of it; their failures are recorded only."""
    with advisory_lock(f"track {job.pk}") as is_mine:
        job.refresh_from_db()
        if job.state not in TOLD or not is_mine:
            return
        tracked = dict(job.tracked)
        record = record_of(job)
        for name in settings.TRACKERS:
            if not tracked.get(name, {}).get("ok"):
                tracked[name] = _told(name, record)
        type(job).objects.filter(pk=job.pk).update(tracked=tracked)


def record_of(job: Tracked) -> Record:
    """Everything that leaves the product, and nothing else."""
    if isinstance(job, Round):
        return _of_round(job)
    return _of_folds(job) if isinstance(job, CrossValidation) else _of_pretraining(job)


def _of_folds(job: CrossValidation) -> Record:
    """A point for each fold; the figures are those over the folds."""
    config = _settings(job.config, job.target) | {
        "folds": job.fold_count, "seed": job.seed, "dataset_sha256": job.dataset.sha256,
    }  # fmt: skip
    curves = [{"step": float(one["fold"]), **_plain(one.get("estimates", {}))} for one in job.folds]
    files = {
        "recipe.json": _json({"config": job.config, "input": job.input}),
        "figures.json": _json({"over_folds": job.metrics, "folds": job.folds}),
    }
    return Record(
        str(job.pk), f"{job.target.name} cross-validation {str(job.pk)[:8]}", "cross-validation",
        config, curves, _plain(job.metrics), files, has_failed=job.state == JobState.FAILED,
    )  # fmt: skip


def _of_pretraining(job: EncoderVersion) -> Record:
    """Its loss and weights: it has no labels, and so no figures."""
    assert job.target is not None  # noqa: S101  a check of `trained` for the type checker
    config = _settings(job.recipe.get("config", {}), job.target)
    config |= {"weights_sha256": job.weights_sha256, "steps": job.recipe.get("steps") or 0}
    recipe = {**job.recipe, "architecture": job.architecture}
    return Record(
        str(job.pk), f"{job.target.name} pre-training {job.number}", "pre-training", config,
        job.curves, {}, {"recipe.json": _json(recipe)}, has_failed=job.state == JobState.FAILED,
    )  # fmt: skip


def _settings(config: dict[str, Any], target: Target) -> dict[str, Value]:
    plain = {name: v for name, v in config.items() if isinstance(v, str | int | float | bool)}
    return {**plain, "project": str(target.project_id), "target": target.name}


def _of_round(round_: Round) -> Record:
    target, dataset = round_.target, round_.dataset
    version = getattr(round_, "model_version", None)  # none of one that failed
    config: dict[str, Value] = {
        **_settings(round_.config, target),
        "strategy": round_.strategy,
        "seed": round_.seed,
        "code_revision": round_.code_revision,
        "dataset_sha256": dataset.sha256 if dataset else "",
        "training_labels": round_.training_labels or 0,
        "started_from_sha256": str(round_.started_from.get("sha256", "")),
    }
    if version is not None:
        config |= {"model_version": version.number, "weights_sha256": version.weights_sha256}
    figures = {name: v for name, v in round_.metrics.items() if name not in OF_CASES}
    recipe = {"config": round_.config, "architecture": version.architecture if version else {}}
    return Record(
        str(round_.pk), f"{target.name} round {round_.number}", "round", config,
        round_.curves, _plain(figures), {"recipe.json": _json(recipe), "figures.json": _json(figures)},
        has_failed=round_.state == JobState.FAILED,
    )  # fmt: skip


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True)


def _plain(metrics: dict[str, Any]) -> dict[str, float]:
    """Plain numbers, and estimates with the ends of their intervals."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, dict):
            parts = {"": "value", "_low": "low", "_high": "high"}
            found |= {name + end: value[p] for end, p in parts.items() if _is_number(value.get(p))}
        elif _is_number(value):
            found[name] = value
    return {name: float(value) for name, value in found.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _told(name: str, record: Record) -> dict[str, Any]:
    try:
        detail = TRACKERS[name](record)
    except Exception as error:
        logger.exception("tracker_failed tracker=%s job=%s", name, record.key)
        return {"ok": False, "detail": wording.error_of(error)[:500]}
    return {"ok": True, "detail": detail}


def _module(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise NotConfigured(f"install the extra `{extra}` of this package") from None


def _points(record: Record) -> list[tuple[int, dict[str, float]]]:
    """(step, values) of each epoch or fold."""
    return [
        (int(point["step"]), {k: v for k, v in point.items() if k != "step" and _is_number(v)})
        for point in record.curves
    ]


def _tensorboard(record: Record) -> str:
    """Event files of one folder per job: scalars, texts, and the config under HPARAMS."""
    writers = _module("tensorboard.summary.writer.event_file_writer", "tensorboard")
    events = _module("tensorboard.compat.proto.event_pb2", "tensorboard")
    scalars = _module("tensorboard.plugins.scalar.summary_v2", "tensorboard")
    hparams = _module("tensorboard.plugins.hparams.summary_v2", "tensorboard")
    texts = _module("tensorboard.plugins.text.summary_v2", "tensorboard")
    folder = Path(settings.TENSORBOARD_DIR) / f"{record.name} {record.key[:8]}".replace(" ", "-")
    last = int(record.curves[-1]["step"]) if record.curves else 0
    writer = writers.EventFileWriter(str(folder))

    def add(summary: Any, step: int) -> None:
        writer.add_event(events.Event(wall_time=time.time(), step=step, summary=summary))

    try:
        add(hparams.hparams_pb(record.config, trial_id=record.key), 0)
        for step, values in _points(record):
            for name, value in values.items():
                add(scalars.scalar_pb(f"{record.part}/{name}", value), step)
        for name, value in record.figures.items():
            add(scalars.scalar_pb(f"test/{name}", value), last)
        for name, text in record.files.items():
            add(texts.text_pb(name, f"```\n{text}\n```"), last)
    finally:
        writer.close()
    return folder.name


def _mlflow(record: Record) -> str:
    """One run of the experiment; the client alone, which adds no user and no host."""
    if not settings.MLFLOW_TRACKING_URI:
        raise NotConfigured("MLFLOW_TRACKING_URI is not set")
    mlflow = _module("mlflow", "mlflow")
    client = mlflow.MlflowClient(tracking_uri=settings.MLFLOW_TRACKING_URI)
    known = client.get_experiment_by_name(settings.TRACKER_EXPERIMENT)
    experiment = known.experiment_id if known else client.create_experiment(
        settings.TRACKER_EXPERIMENT
    )  # fmt: skip
    run: str = client.create_run(experiment, run_name=record.name).info.run_id
    entities, now = mlflow.entities, int(time.time() * 1000)
    last = int(record.curves[-1]["step"]) if record.curves else 0
    values = [
        (f"{record.part}/{k}", v, step) for step, point in _points(record) for k, v in point.items()
    ]
    values += [(f"test/{name}", value, last) for name, value in record.figures.items()]
    client.log_batch(
        run,
        metrics=[entities.Metric(name, value, now, step) for name, value, step in values],
        params=[entities.Param(name, str(value)) for name, value in record.config.items()],
        tags=[entities.RunTag("weights_sha256", str(record.config.get("weights_sha256", "")))],
    )
    for name, text in record.files.items():
        client.log_text(run, text, name)
    client.set_terminated(run, "FAILED" if record.has_failed else "FINISHED")
    return run


def _wandb(record: Record) -> str:
    """One run; WANDB_MODE, WANDB_BASE_URL and WANDB_API_KEY of the environment say where to."""
    wandb = _module("wandb", "wandb")
    folder = Path(settings.DATA_ROOT) / "wandb"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    quiet = wandb.Settings(
        console="off", silent=True, disable_git=True, save_code=False, x_disable_meta=True,
        x_disable_stats=True, x_disable_machine_info=True,
    )  # fmt: skip
    run = wandb.init(
        project=settings.TRACKER_EXPERIMENT, name=record.name, config=record.config,
        dir=str(folder), reinit="create_new", settings=quiet,
    )  # fmt: skip
    try:
        for step, values in _points(record):
            run.log({f"{record.part}/{name}": value for name, value in values.items()}, step=step)
        run.summary.update({f"test/{name}": value for name, value in record.figures.items()})
        artifact = wandb.Artifact(f"{record.what}-{record.key}", type="record")
        for name, text in record.files.items():
            with artifact.new_file(name) as file:
                file.write(text)
        run.log_artifact(artifact)
    finally:
        run.finish(exit_code=int(record.has_failed))
    return str(run.url or run.id)


TRACKERS: dict[str, Callable[[Record], str]] = {
    "mlflow": _mlflow, "tensorboard": _tensorboard, "wandb": _wandb,
}  # fmt: skip
