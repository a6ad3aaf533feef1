"""The pool of a round in shards: any worker takes them, none is lost, and the result is the same."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Case
from learning import pipeline
from learning.models import ModelVersion, Prediction, Promotion, Round, Shard, Target, Trigger
from learning.pipeline import rounds as steps
from learning.pipeline import scoring
from learning.pipeline.answers import Answers
from learning.services import rounds, scorings, shards
from learning.tasks import sweep_jobs
from tests import factories
from tests.learning.test_arrivals import arrived

DRAWN = 500_000  # bytes of what is drawn on a case


class Killed(BaseException):
    """Ends a worker as SIGKILL does: nothing is caught, nothing is recorded."""


@pytest.fixture
def target(labeled_target, cast):
    pool = factories.make_cases(cast.project, 9)
    splits = [Split.TRAIN] * 7 + [Split.TEST] * 2
    patients = [case.study.patient_id for case in pool]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    return labeled_target


@pytest.fixture
def in_shards_of_two(settings):
    settings.SCORING_SHARD_CASES = 2


def request(target):
    return rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)


def execute(round_):
    jobs.execute(Round, round_.pk, pipeline.run_round)
    round_.refresh_from_db()
    return round_


def predictions_of(round_):
    found = Prediction.objects.filter(model_version__round=round_).order_by("case_id")
    return list(found.values_list("case_id", "values", "score", "propensity", "components"))


def die_after(monkeypatch, count):
    """The worker is gone once it has kept so many shards."""
    kept = []
    keep = shards.keep

    def keep_or_die(**what):
        if len(kept) == count:
            raise Killed
        kept.append(what["shard"].number)
        keep(**what)

    monkeypatch.setattr(shards, "keep", keep_or_die)
    return kept


def lapse(*models):
    long_ago = timezone.now() - timedelta(minutes=5)
    for model in models:
        model.objects.filter(state=jobs.JobState.RUNNING).update(lease_expires_at=long_ago)


@pytest.fixture
def at_scoring(target, in_shards_of_two, monkeypatch):
    """A round whose worker died when it had kept the first two shards of five."""
    round_ = request(target)
    with monkeypatch.context() as patch:
        die_after(patch, 2)
        with pytest.raises(Killed):
            execute(round_)
    round_.refresh_from_db()
    return round_


def test_many_shards_give_what_one_gives(target, settings):
    whole = execute(request(target))
    settings.SCORING_SHARD_CASES = 2
    parts = execute(request(target))
    assert (whole.state, parts.state) == ("completed", "completed"), parts.error
    assert len(predictions_of(whole)) == 9
    for one, other in zip(predictions_of(whole), predictions_of(parts), strict=True):
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1])  # sums of other batches differ in the last digit
        assert one[2] == pytest.approx(other[2])
    assert not Shard.objects.exists()


def test_a_study_that_is_still_arriving_is_predicted_once_it_is_there(target, cast, settings):
    for case in Case.objects.filter(project=cast.project):
        arrived(case.study, timedelta(seconds=61))
    [late] = factories.make_cases(cast.project, 1)
    settings.STUDY_QUIET_SECONDS = 60
    done = execute(request(target))
    assert (done.state, done.ranked_cases) == ("completed", 9), done.error
    assert scorings.request_due() == 0
    arrived(late.study, timedelta(seconds=61))
    assert scorings.request_due() == 1
    assert done.model_version.scorings.get().case_ids == [late.pk]


def test_shards_hold_training_and_held_out_cases_apart(at_scoring):
    sizes = at_scoring.shards.order_by("number").values_list("is_held_out", "case_ids__len")
    assert list(sizes) == [(False, 2), (False, 2), (False, 2), (False, 1), (True, 2)]
    assert shards.count_scored(at_scoring) == (4, 9)


def test_a_round_that_goes_on_scores_only_what_is_left(at_scoring, monkeypatch):
    lapse(Round, Shard)
    kept = die_after(monkeypatch, 99)
    done = execute(at_scoring)
    assert (done.state, done.attempt, kept) == ("completed", 2, [3, 4, 5]), done.error
    assert len(predictions_of(done)) == 9


def test_a_helper_takes_all_shards_and_the_owner_publishes_them(at_scoring, target):
    lapse(Shard)
    scoring.help_score(str(at_scoring.pk))
    assert shards.count_scored(at_scoring) == (9, 9)
    assert shards.claim_next(at_scoring.pk) is None
    lapse(Round)
    done = execute(at_scoring)
    alone = execute(request(target))
    assert predictions_of(done) == predictions_of(alone)


def test_a_shard_has_one_owner_at_a_time(at_scoring):
    lapse(Shard)
    mine = shards.claim_next(at_scoring.pk)
    others = shards.claim_next(at_scoring.pk)
    assert (mine.number, others.number) == (3, 4)
    lapse(Shard)
    assert shards.claim_next(at_scoring.pk).attempt == mine.attempt + 1
    with pytest.raises(jobs.JobFenced):
        shards.keep(shard=mine, found=[], excluded={})


def test_helpers_stop_with_a_cancelled_round(at_scoring, cast):
    lapse(Shard)
    shard = shards.claim_next(at_scoring.pk)
    rounds.cancel(actor=cast.manager, round_=at_scoring)
    with pytest.raises(jobs.JobCancelled):
        shards.tell(shard, 1)
    assert shards.claim_next(at_scoring.pk) is None
    lapse(Round)
    sweep_jobs()
    assert not Shard.objects.exists()
    assert Round.objects.get().state == jobs.JobState.CANCELLED


def test_a_machine_without_the_weights_gives_its_shard_back(at_scoring, settings, tmp_path):
    lapse(Shard)
    here = settings.MODEL_ROOT
    settings.MODEL_ROOT = tmp_path
    for _ in range(jobs.MAX_ATTEMPTS + 1):
        scoring.help_score(str(at_scoring.pk))
    waiting = at_scoring.shards.get(number=3)
    assert (waiting.state, waiting.attempt) == (jobs.JobState.PENDING, 1)
    assert "FileNotFoundError" in waiting.error
    settings.MODEL_ROOT = here
    lapse(Round)
    assert execute(at_scoring).state == jobs.JobState.COMPLETED


def test_a_machine_without_the_images_excludes_nobody(at_scoring, settings, tmp_path):
    lapse(Shard)
    blobs, cache = settings.BLOB_ROOT, settings.DATA_ROOT
    settings.BLOB_ROOT, settings.DATA_ROOT = tmp_path / "empty", tmp_path
    scoring.help_score(str(at_scoring.pk))
    waiting = at_scoring.shards.get(number=3)
    assert (waiting.state, waiting.attempt) == (jobs.JobState.PENDING, 1)
    assert "not on this machine" in waiting.error
    settings.BLOB_ROOT, settings.DATA_ROOT = blobs, cache
    lapse(Round)
    done = execute(at_scoring)
    assert done.metrics["excluded"] == []
    assert len(predictions_of(done)) == 9


def test_another_network_means_other_shards(at_scoring):
    """A resumed round whose weights came out otherwise must not mix two networks' predictions."""
    Round.objects.update(scorer={**at_scoring.scorer, "weights_sha256": "0" * 64})
    before = set(at_scoring.shards.values_list("pk", flat=True))
    zombie = at_scoring.shards.get(number=3)
    lapse(Round)
    owner = jobs.claim(Round, at_scoring.pk)
    parts = [shards.Part(case_ids=[], is_held_out=False)]
    shards.divide(round_=owner, scorer=at_scoring.scorer, parts=parts)
    assert not before & set(owner.shards.values_list("pk", flat=True))
    with pytest.raises(jobs.JobFenced):
        shards.keep(shard=zombie, found=[], excluded={})


def test_a_shard_that_kills_every_worker_ends_the_round_with_the_reason(at_scoring):
    Shard.objects.filter(number=3).update(attempt=jobs.MAX_ATTEMPTS)
    lapse(Round, Shard)
    sweep_jobs()
    done = execute(at_scoring)
    assert done.state == jobs.JobState.FAILED
    assert "Part 3 of the pool cannot be predicted: The worker died 3 times" in done.error
    assert not ModelVersion.objects.exists()
    sweep_jobs()
    assert not Shard.objects.exists()


def test_the_sweeper_finds_rounds_whose_helpers_were_not_told(at_scoring):
    assert not shards.waiting().exists()  # too young: the messages may be on their way
    Shard.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert list(shards.waiting()) == [at_scoring]
    Shard.objects.update(state=jobs.JobState.COMPLETED)
    assert not shards.waiting().exists()


def test_progress_takes_one_query_however_many_shards(at_scoring):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        shards.count_scored(at_scoring)
    assert len(queries) == 1


def test_what_cannot_be_read_is_excluded_with_its_reason(target, in_shards_of_two, cast):
    broken = factories.make_cases(cast.project, 1)[0]
    broken.study.series.get().instances.get().path.write_bytes(b"no DICOM")
    done = execute(request(target))
    assert done.state == jobs.JobState.COMPLETED, done.error
    assert [e["case"] for e in done.metrics["excluded"]] == [str(broken.pk)]
    assert len(predictions_of(done)) == 9


def test_the_pool_in_no_shard_at_all(labeled_target, in_shards_of_two):
    done = execute(request(labeled_target))
    assert (done.state, done.ranked_cases) == ("completed", 0), done.error
    assert steps.run_folder(done).exists() is False


@pytest.fixture
def drawing_much(monkeypatch):
    """Networks that draw as much on each case as a detector of volumes does, or more."""
    foresee = Answers.foresee

    def foresee_much(*arguments, **options):
        for found in foresee(*arguments, **options):
            yield replace(found, content={"drawn": "x" * DRAWN})

    monkeypatch.setattr(Answers, "foresee", foresee_much)


def traced(monkeypatch, name):
    """The most bytes that Python held while this step of a round was done, once it was."""
    peaks, work = [], getattr(steps, name)

    def traced_work(*arguments):
        tracemalloc.start()
        try:
            return work(*arguments)
        finally:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    monkeypatch.setattr(steps, name, traced_work)
    return peaks


def test_what_is_drawn_on_the_pool_is_never_in_memory_together(
    labeled_target, cast, settings, drawing_much, monkeypatch
):
    """Boxes in 100,000 volumes are 30 GB: what killed the worker when all shards were done."""
    settings.SCORING_SHARD_CASES = 1
    factories.make_cases(cast.project, 20)
    Target.objects.update(promotion=Promotion.BY_HAND)
    gathering, publishing = traced(monkeypatch, "score_pool"), traced(monkeypatch, "publish")
    done = execute(request(labeled_target))
    assert done.state == jobs.JobState.COMPLETED, done.error
    drawn = Prediction.objects.filter(model_version__round=done).values_list("content", flat=True)
    assert [len(content["drawn"]) for content in drawn] == [DRAWN] * 20
    assert max(gathering + publishing) < 10 * DRAWN
