"""Rounds on full disks and strange images: they go on, or say clearly why not."""

import io
import resource

import numpy as np
import pydicom
import pytest

from annotation.archive.services.ingest import ingest
from annotation.core import jobs
from annotation.datasets.models import Export
from annotation.imaging import conversion
from learning import pipeline
from learning.models import ModelVersion, Round, Trigger
from learning.pipeline.rounds import run_folder
from learning.services import rounds, targets
from tests import factories
from tests.learning.test_kinds import SPLITS, drawn, labeled, make_volume, project, run

__all__ = ["project"]  # a fixture
LIMIT = 1 << 20  # bytes: less than a checkpoint, more than the images


@pytest.fixture
def full_disk(monkeypatch):
    """No file may grow beyond the limit, from the first report of the training on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    report = jobs.report

    def report_and_fill(job, **said):
        if said.get("step") == "train" and said["done"] >= 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
        report(job, **said)

    monkeypatch.setattr(jobs, "report", report_and_fill)

    def make_room():
        monkeypatch.setattr(jobs, "report", report)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    yield make_room
    make_room()


def test_a_disk_that_fills_in_mid_checkpoint_pauses_the_round_and_says_so(
    labeled_target, cast, full_disk
):
    created = rounds.request_round(target=labeled_target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    waiting = Round.objects.get()
    assert waiting.is_paused
    assert waiting.error == (
        "The disk of the worker is full: make room, and resume. Nothing is lost."
    )
    kept = sorted(run_folder(waiting).glob("*.pt"))
    assert [path.name[:9] for path in kept] == ["000000004"]  # the whole one before; no half one
    assert not list(run_folder(waiting).glob("*.part"))
    full_disk()
    rounds.resume(actor=cast.manager, round_=waiting)
    jobs.execute(Round, created.pk, pipeline.run_round)
    done = Round.objects.get()
    assert (done.state, done.error) == ("completed", "")
    assert [point["step"] for point in done.curves] == [4, 8, 12]


def test_a_job_that_cannot_wait_fails_and_names_the_disk(cast, monkeypatch):
    from annotation.datasets import services as datasets

    factories.make_labeled_cases(cast.project, cast.annotator, 2)
    dataset = datasets.freeze(project=cast.project, name="d", actor=None)
    export = datasets.request_export(actor=cast.manager, dataset=dataset, format_name="csv")

    def write(_job):
        raise OSError(28, "No space left on device")

    jobs.execute(Export, export.pk, write)
    export.refresh_from_db()
    assert export.state == jobs.JobState.FAILED
    assert export.error == "The disk of the worker is full: make room, and start it again."


def volume_of(project, number, values, slope="1"):
    subject = conversion.Subject(patient_id=f"CT {number}", extra={"RescaleType": "HU"})
    for data in conversion.volume_series(values, np.eye(4), subject, f"strange {number}", "CT"):
        scaled, file = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
        scaled.RescaleSlope = slope
        scaled.save_as(file)
        study = ingest(collection=project.collection, chunks=[file.getvalue()]).study
    return study


def test_a_round_of_masks_survives_empty_masks_and_leaves_strange_images_out(cast, project):
    """Two of its cases are one grey, or not numbers; on most of the others nobody drew anything."""
    grey = np.full((8, 32, 32), 7, np.int16)
    noise = np.random.default_rng(0).normal(0, 50, (8, 32, 32)).astype(np.int16)

    def make(number):
        if number == 0:
            return volume_of(project, number, grey)
        if number == 1:
            return volume_of(project, number, noise, slope="1e300")
        return make_volume(project, number)

    lesion = np.zeros((8, 32, 32), np.uint8)
    lesion[2:6, 8:20, 8:20] = 3
    empty = [drawn(project, np.zeros_like(lesion))] * (len(SPLITS) - 3)
    contents = [*empty[:2], *[drawn(project, lesion)] * 3, *empty[2:]]  # 2 to 4 are learned from
    cases = labeled(project, cast.annotator, contents, make=make)
    spec = {"size": [8, 32, 32], "dimensions": "3d", "keeps_size": True}
    target = targets.create_target(
        actor=cast.manager, project=project, kind="segmentation", input=spec,
        options={"layer": 0, "undrawn": "background"},
        config={"batch_size": 2, "epochs": 1, "min_steps": 4, "evaluations": 2},
    )  # fmt: skip
    done = run(target)
    reasons = {one["case"]: one["reason"] for one in done.metrics["excluded"]}
    assert reasons == {
        str(cases[0].pk): "image: every pixel has the same value",
        str(cases[1].pk): "image: the image holds values that are not numbers",
    }
    assert (done.training_labels, done.metrics["n"]) == (6, 3)
    assert all(np.isfinite(point["loss"]) for point in done.curves)
    assert ModelVersion.objects.get().state == "production"


def test_a_cached_input_that_was_poisoned_ends_the_round_with_the_reason(labeled_target, settings):
    from learning.images import ImageCache

    load = ImageCache.load
    ImageCache.load = lambda self, instance: load(self, instance) * np.nan
    try:
        created = rounds.request_round(target=labeled_target, trigger=Trigger.MANUAL, seed=1)
        jobs.execute(Round, created.pk, pipeline.run_round)
    finally:
        ImageCache.load = load
    failed = Round.objects.get()
    assert failed.state == jobs.JobState.FAILED
    assert "the loss became nan in epoch 1" in failed.error
    assert ModelVersion.objects.count() == 0
