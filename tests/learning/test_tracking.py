"""Trackers are told of finished rounds: read back from their own files, offline."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotation.core import jobs
from annotation.datasets.services import freeze
from config import env
from learning import pipeline, tracking
from learning.models import (
    CrossValidation,
    EncoderKind,
    EncoderVersion,
    ModelVersion,
    Round,
    Trigger,
)
from learning.services import rounds, trackers
from tests import servers


@pytest.fixture
def done(labeled_target, settings, tmp_path):
    settings.TRACKERS = []
    settings.TENSORBOARD_DIR = str(tmp_path / "tensorboard")
    settings.MLFLOW_TRACKING_URI = f"file://{tmp_path}/mlflow"
    created = rounds.request_round(target=labeled_target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert created.state == jobs.JobState.COMPLETED, created.error
    return created


def told(done, settings, *trackers):
    settings.TRACKERS = list(trackers)
    tracking.track(done)
    done.refresh_from_db()
    return done.tracked


def test_tensorboard_gets_curves_figures_and_the_recipe(done, settings, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = told(done, settings, "tensorboard")["tensorboard"]
    assert found["ok"], found
    assert found["detail"] == f"nodule-round-1-{str(done.pk)[:8]}"
    read = EventAccumulator(str(tmp_path / "tensorboard" / found["detail"])).Reload()
    losses = [(event.step, event.tensor_proto.float_val[0]) for event in read.Tensors("train/loss")]
    assert losses == [(int(p["step"]), pytest.approx(p["loss"])) for p in done.curves]
    [auc] = read.Tensors("test/auc")
    assert auc.tensor_proto.float_val[0] == pytest.approx(done.metrics["auc"]["value"])
    [figures] = read.Tensors("figures.json")
    assert b'"excluded_count": 0' in figures.tensor_proto.string_val[0]
    hparams = read.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert done.model_version.weights_sha256.encode() in hparams


def test_mlflow_gets_curves_figures_and_the_recipe(done, settings, monkeypatch):
    import mlflow

    # MLflow 3 writes into plain files only where one insists; a server needs no such word.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    found = told(done, settings, "mlflow")["mlflow"]
    assert found["ok"], found
    client = mlflow.MlflowClient(tracking_uri=settings.MLFLOW_TRACKING_URI)
    run = client.get_run(found["detail"])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "nodule round 1")
    assert run.data.params["learning_rate"] == "0.003"
    assert run.data.tags["weights_sha256"] == done.model_version.weights_sha256
    history = client.get_metric_history(found["detail"], "train/loss")
    assert [m.step for m in history] == [p["step"] for p in done.curves]
    assert run.data.metrics["test/accuracy"] == done.metrics["accuracy"]["value"]
    recipe = json.loads(Path(client.download_artifacts(found["detail"], "recipe.json")).read_text())
    assert recipe["config"] == done.config
    assert recipe["architecture"] == done.model_version.architecture


def test_weights_and_biases_gets_a_run_offline(done, settings, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    found = told(done, settings, "wandb")["wandb"]
    assert found["ok"], found
    [log] = (settings.DATA_ROOT / "wandb").rglob(f"run-{found['detail']}.wandb")
    weights = done.model_version.weights_sha256
    parts = ["nodule round 1", weights, "train/loss", "test/auc", "figures.json"]

    def holds_all():  # a process of its own writes it, which outlives the run's end by a moment
        content = log.read_bytes()
        return all(part.encode() in content for part in parts)

    servers.eventually(holds_all, "everything is in the log", timeout_s=30)


def test_a_tracker_that_fails_leaves_the_round_and_the_others_alone(done, settings, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    settings.MLFLOW_TRACKING_URI = ""
    found = told(done, settings, "mlflow", "tensorboard")
    assert found["mlflow"] == {
        "ok": False,
        "detail": "MLFLOW_TRACKING_URI is not set",
    }
    assert found["tensorboard"]["ok"]
    assert (done.state, done.error) == (jobs.JobState.COMPLETED, "")
    settings.TENSORBOARD_DIR = "/dev/null/nowhere"
    Round.objects.update(tracked={})
    found = told(done, settings, "tensorboard")
    assert (done.state, found["tensorboard"]["ok"]) == ("completed", False)
    assert "Error" in found["tensorboard"]["detail"]


def test_what_is_told_names_no_patient_no_case_and_no_person(done, cast):
    record = tracking.record_of(done)
    text = json.dumps([record.name, record.config, record.curves, record.figures, record.files])
    secrets = [cast.manager.username, cast.project.name]
    for item in done.dataset.items.select_related("case__study"):
        study = item.case.study
        secrets += [study.patient_id, study.study_instance_uid, str(item.case_id), item.patient_key]
    assert [word for word in secrets if word in text] == []
    assert record.config["weights_sha256"] == done.model_version.weights_sha256
    assert {"auc", "auc_low", "auc_high", "n"} <= set(record.figures)


def test_a_round_that_failed_in_training_is_told_as_such(done, settings, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    settings.TRACKERS = ["mlflow"]
    ended = timezone.now() - timedelta(hours=1)
    ModelVersion.objects.update(round=None, origin="of another round")
    Round.objects.update(state=jobs.JobState.FAILED, finished_at=ended, metrics={})
    assert [one.pk for one in trackers.untracked()] == [done.pk]
    found = told(done, settings, "mlflow")["mlflow"]
    assert found["ok"], found
    run = mlflow.MlflowClient(tracking_uri=settings.MLFLOW_TRACKING_URI).get_run(found["detail"])
    assert (run.info.status, "train/loss" in run.data.metrics) == ("FAILED", True)
    Round.objects.update(tracked={}, curves=[])
    assert trackers.untracked() == []


def test_a_round_whose_message_was_lost_is_found(done, settings):
    settings.TRACKERS = ["tensorboard"]
    assert trackers.untracked() == []  # its message may still be on its way
    Round.objects.update(finished_at=timezone.now() - timedelta(hours=1))
    assert trackers.untracked() == [done]
    told(done, settings, "tensorboard")
    assert trackers.untracked() == []


@pytest.fixture
def offline(settings, tmp_path):
    settings.TRACKERS, settings.TENSORBOARD_DIR = ["tensorboard"], str(tmp_path)
    return tmp_path


def scalars(folder, job, **names):
    """(step, value) by name, from the event files that TensorBoard would read."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trackers_said = told_of(job)
    read = EventAccumulator(str(folder / trackers_said["detail"])).Reload()
    found = {
        name: [(e.step, e.tensor_proto.float_val[0]) for e in read.Tensors(tag)]
        for name, tag in names.items()
    }
    [recipe] = read.Tensors("recipe.json")
    return found, recipe.tensor_proto.string_val[0]


def told_of(job):
    assert trackers.untracked() == [job]
    tracking.track(job)
    job.refresh_from_db()
    assert job.tracked["tensorboard"]["ok"], job.tracked
    assert trackers.untracked() == []
    return job.tracked["tensorboard"]


def an_hour_ago():
    return timezone.now() - timedelta(hours=1)


def test_cross_validations_are_told_fold_by_fold(labeled_target, cast, offline):
    dataset = freeze(project=cast.project, name="d", actor=cast.manager)
    estimates = [{"auc": {"value": v, "low": v - 0.1, "high": v + 0.1}} for v in (0.75, 0.5)]
    job = CrossValidation.objects.create(
        target=labeled_target, dataset=dataset, fold_count=3, seed=7, config={"side": 32},
        folds=[{"fold": n, "n": 4, "estimates": one} for n, one in enumerate(estimates, 1)],
        state=jobs.JobState.FAILED, finished_at=an_hour_ago(),
    )  # fmt: skip
    found, recipe = scalars(offline, job, auc="fold/auc", low="fold/auc_low")
    assert found["auc"] == [(1, 0.75), (2, 0.5)]
    assert [step for step, _ in found["low"]] == [1, 2]
    assert b'"side": 32' in recipe
    CrossValidation.objects.update(tracked={}, folds=[])  # nothing was learned: nothing to tell
    assert trackers.untracked() == []


def test_pretrainings_are_told_with_their_loss_and_weights(labeled_target, cast, offline):
    encoder = EncoderVersion.objects.create(
        project=cast.project, number=1, kind=EncoderKind.PRETRAINED, target=labeled_target,
        recipe={"config": {"side": 32}, "input": {}, "steps": 2}, weights_sha256="ab" * 32,
        curves=[{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.5}],
        state=jobs.JobState.COMPLETED, finished_at=an_hour_ago(),
    )  # fmt: skip
    found, _ = scalars(offline, encoder, loss="train/loss")
    assert found["loss"] == [(1, 2.0), (2, 1.5)]
    record = tracking.record_of(encoder)
    assert record.config["weights_sha256"] == "ab" * 32
    assert str(cast.project.name) not in json.dumps([record.config, record.files])


def test_an_unknown_tracker_stops_the_start(monkeypatch):
    monkeypatch.setitem(os.environ, "TRACKERS", "mlflow, notebook")
    with pytest.raises(env.SettingError, match="TRACKERS: 'notebook' is none of mlflow"):
        env.choices("TRACKERS", ("mlflow", "tensorboard", "wandb"))
