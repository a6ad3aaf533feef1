"""A round that waits: its worker is free, nothing is lost, and it ends as if it had never waited."""

import pytest

from annotation.core import jobs
from annotation.core.errors import Conflict
from annotation.core.models import AuditEvent
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from learning import pipeline
from learning.models import ModelVersion, Prediction, Round, Shard, Trigger
from learning.pipeline import rounds as steps
from learning.pipeline import scoring
from learning.services import rounds, shards
from learning.tasks import sweep_jobs
from tests import factories
from tests.learning.test_shards import lapse


@pytest.fixture
def target(labeled_target, cast, settings):
    settings.SCORING_SHARD_CASES = 2
    pool = factories.make_cases(cast.project, 8)
    patients = [case.study.patient_id for case in pool]
    prescribe_splits(project=cast.project, split_of_patient=dict.fromkeys(patients, Split.TRAIN))
    return labeled_target


@pytest.fixture
def pause_when(monkeypatch, cast):
    """Pauses the round in the moment before a report of which `test(said)` holds."""

    def arrange(test):
        report = jobs.report

        def report_paused(job, **said):
            if test(said):
                monkeypatch.setattr(jobs, "report", report)
                rounds.pause(actor=cast.manager, round_=Round.objects.get())
            report(job, **said)

        monkeypatch.setattr(jobs, "report", report_paused)

    return arrange


def request(target):
    return rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)


def execute(round_):
    jobs.execute(Round, round_.pk, pipeline.run_round)
    round_.refresh_from_db()
    return round_


def resumed(round_, cast):
    rounds.resume(actor=cast.manager, round_=round_)
    return execute(round_)


def outcome(round_):
    found = Prediction.objects.filter(model_version__round=round_).order_by("case_id")
    rows = list(found.values_list("case_id", "values", "score", "propensity", "components"))
    return rows, round_.model_version.weights_sha256, round_.curves


def test_a_round_paused_in_training_goes_on_bit_for_bit(target, cast, pause_when):
    pause_when(lambda said: said.get("step") == "train" and said["done"] == 8)
    paused = execute(request(target))
    assert (paused.is_paused, paused.attempt, paused.lease_expires_at) == (True, 0, None)
    assert [point["step"] for point in paused.curves] == [4, 8]
    assert list(steps.run_folder(paused).rglob("*.pt"))
    done = resumed(paused, cast)
    assert (done.state, done.attempt, done.pause_requested) == ("completed", 1, False), done.error
    straight = execute(request(target))
    assert outcome(done) == outcome(straight)
    actions = AuditEvent.objects.filter(action__in=["round_paused", "round_resumed"])
    assert list(actions.order_by("sequence").values_list("action", "actor")) == [
        ("round_paused", cast.manager.pk), ("round_resumed", cast.manager.pk),
    ]  # fmt: skip


def test_nobody_takes_a_paused_round_and_no_other_begins(target, cast):
    waiting = request(target)
    rounds.pause(actor=cast.manager, round_=waiting)
    Round.objects.update(created_at="2026-01-01T00:00Z")
    assert jobs.claim(Round, waiting.pk) is None
    assert jobs.lost_jobs(Round) == []
    with pytest.raises(Conflict, match="Round 1 is paused; resume it or cancel it"):
        request(target)
    assert rounds.start_due() == 0
    with pytest.raises(Conflict):
        rounds.pause(actor=cast.manager, round_=waiting)
    rounds.resume(actor=cast.manager, round_=waiting)
    assert jobs.lost_jobs(Round) == [waiting]
    with pytest.raises(Conflict, match="not paused"):
        rounds.resume(actor=cast.manager, round_=waiting)


def test_a_round_may_pause_more_often_than_it_may_die(target, cast):
    round_ = request(target)
    for _ in range(jobs.MAX_ATTEMPTS + 1):
        assert jobs.claim(Round, round_.pk).attempt == 1
        rounds.pause(actor=cast.manager, round_=round_)
        jobs.put_back(Round.objects.get())
        rounds.resume(actor=cast.manager, round_=round_)
    sweep_jobs()
    assert Round.objects.get().state == jobs.JobState.PENDING


def test_a_worker_that_dies_before_it_can_pause_leaves_a_paused_round(target, cast):
    round_ = request(target)
    jobs.claim(Round, round_.pk)
    rounds.pause(actor=cast.manager, round_=round_)
    lapse(Round)
    sweep_jobs()
    round_.refresh_from_db()
    assert (round_.is_paused, round_.attempt) == (True, 1)  # that was a death


def test_a_round_resumed_before_its_worker_noticed_just_goes_on(target, cast):
    round_ = request(target)
    claimed = jobs.claim(Round, round_.pk)
    rounds.pause(actor=cast.manager, round_=round_)
    rounds.resume(actor=cast.manager, round_=round_)
    jobs.report(claimed, step="train")
    assert Round.objects.get().state == jobs.JobState.RUNNING


def test_a_paused_round_can_be_cancelled(target, cast, pause_when):
    pause_when(lambda said: said.get("step") == "score")
    paused = execute(request(target))
    assert paused.is_paused
    assert paused.shards.exists()
    rounds.cancel(actor=cast.manager, round_=paused)
    sweep_jobs()
    assert Round.objects.get().state == jobs.JobState.CANCELLED
    assert not Shard.objects.exists()
    assert execute(request(target)).state == jobs.JobState.COMPLETED


def test_a_round_cancelled_while_it_was_about_to_pause_is_cancelled(target, cast):
    claimed = jobs.claim(Round, request(target).pk)
    rounds.pause(actor=cast.manager, round_=claimed)
    with pytest.raises(jobs.JobPaused):
        jobs.report(claimed)
    rounds.cancel(actor=cast.manager, round_=claimed)
    with pytest.raises(jobs.JobCancelled):
        jobs.report(claimed)
    jobs.put_back(claimed)
    assert Round.objects.get().state == jobs.JobState.CANCELLED


def test_a_round_paused_in_mid_pool_keeps_its_shards_and_does_the_rest(
    target, cast, monkeypatch, pause_when
):
    monkeypatch.setattr(scoring, "TELL_S", 0.0)
    pause_when(lambda said: said.get("step") == "score" and said["done"] >= 3)
    paused = execute(request(target))
    states = paused.shards.order_by("number").values_list("state", "attempt")
    assert (paused.is_paused, states[0]) == (True, ("completed", 1))
    assert set(states[1:]) == {("pending", 0)}  # the one in hand was given back: no death
    done = resumed(paused, cast)
    assert done.state == jobs.JobState.COMPLETED, done.error
    assert outcome(done) == outcome(execute(request(target)))


def test_helpers_give_their_shards_back_to_a_paused_round(target, cast, monkeypatch, pause_when):
    monkeypatch.setattr(scoring, "TELL_S", 0.0)
    pause_when(lambda said: said.get("step") == "score")
    round_ = execute(request(target))
    scoring.help_score(str(round_.pk))
    assert set(round_.shards.values_list("state", flat=True)) == {"pending"}
    rounds.resume(actor=cast.manager, round_=round_)
    owner = jobs.claim(Round, round_.pk)
    pause_when(lambda said: set(said) == {"done"})  # what a helper says of its shard
    scoring.help_score(str(round_.pk))
    assert set(round_.shards.values_list("state", "attempt")) == {("pending", 0)}
    assert not shards.waiting().filter(pause_requested=False).exists()
    with pytest.raises(jobs.JobPaused):
        jobs.report(owner)
    assert ModelVersion.objects.count() == 0
