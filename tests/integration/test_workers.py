"""Workers that die, messages that are lost: the work is done all the same, once."""

import signal
import sys
from datetime import timedelta

import psutil
import pytest
import redis
from django.utils import timezone

from annotation.core import jobs
from annotation.datasets import services as datasets
from annotation.datasets.models import Export
from annotation.labeling.models import Suggestion
from learning import pipeline
from learning.models import EncoderVersion, ModelVersion, Round, Scoring, Trigger
from learning.pipeline import arrivals
from learning.services import embeddings, model_versions, rounds, scorings
from learning.tasks import sweep_jobs
from tests import factories, servers
from tests.learning.models import make_model
from tests.learning.test_shards import lapse

LONG = {"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 200, "evaluations": 20}
LEASE = "3"
PATIENCE_S = 120  # a worker that loads torch on a machine that others use
pytestmark = pytest.mark.timeout(6 * PATIENCE_S)  # what is waited for says so before


@pytest.fixture
def target(live_cast):
    return factories.make_divided_target(live_cast, config=LONG)


def state_of(round_):
    return Round.objects.get(pk=round_.pk)


def executed(round_):
    """The round after this process did what a worker does that hears of it."""
    jobs.execute(Round, round_.pk, pipeline.run_round)
    return state_of(round_)


def test_a_worker_killed_in_mid_epoch_resumes_and_finishes_once(target):
    round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    with servers.worker("gpu", JOB_LEASE_SECONDS=LEASE) as first:
        servers.eventually(
            lambda: len(state_of(round_).curves) >= 2, "the round trains", PATIENCE_S
        )
        first.send_signal(signal.SIGKILL)
        first.wait()
    seen = state_of(round_).curves
    assert state_of(round_).state == jobs.JobState.RUNNING
    lapse(Round)
    done = executed(round_)
    assert (done.state, done.attempt) == (jobs.JobState.COMPLETED, 2), done.error
    assert done.curves[: len(seen)] == seen
    steps = [point["step"] for point in done.curves]
    assert steps == sorted(set(steps))
    assert ModelVersion.objects.filter(target=target).count() == 1


def test_a_paused_round_frees_its_worker_and_goes_on_from_its_checkpoint(target, live_cast):
    round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    with servers.worker("gpu"):
        servers.eventually(
            lambda: len(state_of(round_).curves) >= 2, "the round trains", PATIENCE_S
        )
        rounds.pause(actor=live_cast.manager, round_=round_)
        servers.eventually(lambda: state_of(round_).is_paused, "the round is paused")
        seen = state_of(round_).curves
        encoder = embeddings.create_encoder(live_cast.project)
        servers.eventually(
            lambda: EncoderVersion.objects.get(pk=encoder.pk).is_finished, "the worker is free"
        )
        sweep_jobs()
        assert state_of(round_).is_paused
        rounds.resume(actor=live_cast.manager, round_=round_)
        servers.eventually(
            lambda: state_of(round_).is_finished, "the round is finished", PATIENCE_S
        )
    done = state_of(round_)
    assert (done.state, done.attempt) == (jobs.JobState.COMPLETED, 1), done.error
    steps = [point["step"] for point in done.curves]
    assert done.curves[: len(seen)] == seen
    assert steps == sorted(set(steps))


def test_every_message_lost_and_the_work_is_still_done(target, live_cast, monkeypatch):
    """The broker forgets everything; the sweeper finds the rows."""
    from config import celery_app

    quick = {**LONG, "min_steps": 10, "evaluations": 2}
    target.config = quick
    target.save()
    dataset = datasets.freeze(project=live_cast.project, name="d", actor=None)
    exports = [
        datasets.request_export(actor=live_cast.manager, dataset=dataset, format_name=name)
        for name in ("csv", "monai_datalist", "dicom")
    ]
    round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    celery_app.control.purge()
    long_ago = timezone.now() - timedelta(minutes=5)
    Export.objects.update(created_at=long_ago)
    Round.objects.update(created_at=long_ago)
    with servers.worker("default", "gpu"):
        sweep_jobs()
        servers.eventually(lambda: state_of(round_).is_finished, "the round is finished")
        servers.eventually(
            lambda: not Export.objects.exclude(state=jobs.JobState.COMPLETED).exists(),
            "every export is written",
        )
    assert state_of(round_).state == jobs.JobState.COMPLETED
    assert all(datasets.export_path(export).exists() for export in exports)


def test_a_broker_that_forgets_everything_beneath_its_workers_loses_nothing(
    target, live_cast, settings
):
    """A round that runs goes on; what is asked for afterwards still reaches the same workers."""
    running = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    with servers.worker("default", "gpu"):
        servers.eventually(
            lambda: len(state_of(running).curves) >= 1, "the round trains", PATIENCE_S
        )
        dataset = datasets.freeze(project=live_cast.project, name="d", actor=None)
        waiting = datasets.request_export(
            actor=live_cast.manager, dataset=dataset, format_name="csv"
        )
        redis.Redis.from_url(settings.CACHE_URL).flushall()
        Export.objects.update(created_at=timezone.now() - timedelta(minutes=5))
        sweep_jobs()
        servers.eventually(lambda: state_of(running).is_finished, "it goes on", PATIENCE_S)
        servers.eventually(
            lambda: Export.objects.get(pk=waiting.pk).is_finished, "what waited is done", PATIENCE_S
        )
        target.config = {**LONG, "min_steps": 10, "evaluations": 2}
        target.save()
        later = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=2)
        servers.eventually(
            lambda: state_of(later).is_finished, "the workers still hear", PATIENCE_S
        )
    assert state_of(running).state == state_of(later).state == jobs.JobState.COMPLETED
    assert (state_of(running).attempt, state_of(later).attempt) == (1, 1)


def test_a_helper_killed_in_mid_shard_leaves_the_result_of_one_worker(target, live_cast, settings):
    """The round's own worker stands still, its helper dies with a shard, the first does the rest."""
    factories.make_cases(live_cast.project, 24)
    target.config, target.strategy = {**LONG, "min_steps": 10, "evaluations": 2}, "bald"
    target.save()
    options = {"JOB_LEASE_SECONDS": LEASE, "SCORING_SHARD_CASES": "2"}
    shared = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    with servers.worker("gpu", **options) as owner:
        servers.eventually(lambda: _kept(shared) >= 1, "the first shard is kept", PATIENCE_S)
        owner.send_signal(signal.SIGSTOP)
        before = _kept(shared)
        with servers.worker("gpu", **options) as helper:
            servers.eventually(
                lambda: _kept(shared) > before, "the helper keeps a shard", PATIENCE_S
            )
            servers.eventually(
                lambda: _stopped_in_mid_shard(helper, shared), "it has a shard", PATIENCE_S
            )
            helper.kill()
            helper.wait()
        assert 0 < _kept(shared) < shared.shards.count()
        owner.send_signal(signal.SIGCONT)
        servers.eventually(
            lambda: state_of(shared).is_finished, "the round is finished", PATIENCE_S
        )
    done = state_of(shared)
    assert (done.state, done.attempt) == (jobs.JobState.COMPLETED, 1), done.error
    settings.SCORING_SHARD_CASES = 2
    alone = executed(rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1))
    assert len(_predictions(shared)) == 28, state_of(shared).model_version.metrics
    assert _predictions(shared) == _predictions(alone)


def _kept(round_):
    return round_.shards.filter(state=jobs.JobState.COMPLETED).count()


def _stopped_in_mid_shard(worker, round_):
    """Stop the worker; True where it then has a shard that it took after the round's own."""
    worker.send_signal(signal.SIGSTOP)
    now = timezone.now()
    if round_.shards.filter(state=jobs.JobState.RUNNING, lease_expires_at__gt=now).exists():
        return True
    worker.send_signal(signal.SIGCONT)
    return False


def _predictions(round_):
    found = state_of(round_).model_version.predictions.order_by("case_id")
    return list(found.values_list("case_id", "values", "score"))


def test_every_device_gets_a_worker_that_sees_it_alone_and_comes_back(live_cast):
    with servers.running(
        [sys.executable, "-m", "config.gpu_workers"], GPU_DEVICES="0 1", FIRSTREAD_PROCESS="worker"
    ) as both:
        parent = psutil.Process(both.pid)
        servers.eventually(lambda: len(parent.children()) == 2, "both run", PATIENCE_S)
        assert sorted(w.environ()["CUDA_VISIBLE_DEVICES"] for w in parent.children()) == ["0", "1"]
        first, second = parent.children()
        first.kill()
        servers.eventually(
            lambda: {c.pid for c in parent.children()} - {first.pid, second.pid}, "it comes back"
        )
        workers = parent.children()
        workers[0].suspend()  # as deaf to SIGTERM as one that trains
        both.kill()
        servers.eventually(lambda: not any(map(servers.is_alive, workers)), "they end with it")


def test_a_model_put_into_production_sees_the_pool_and_what_arrives_though_a_worker_dies(
    target, live_cast
):
    """A killed worker's part is done by the next one, which also sees the cases that came later."""
    factories.make_cases(live_cast.project, 20)
    version = model_versions.promote(version=make_model(target), actor=live_cast.manager)
    with servers.worker("gpu") as first:
        servers.eventually(_is_scoring, "the pool is taken", PATIENCE_S)
        first.kill()
        first.wait()
    late = factories.make_cases(live_cast.project, 2)
    lapse(Scoring)
    _score_what_waits()
    assert version.predictions.count() == 24
    scorings.request_due()
    _score_what_waits()
    assert version.predictions.count() == 26
    in_pool = version.predictions.filter(score__isnull=False)
    assert set(version.predictions.values_list("case", flat=True)) >= {case.pk for case in late}
    suggested = Suggestion.objects.filter(is_current=True)
    assert sorted(suggested.values_list("case", flat=True)) == sorted(
        in_pool.values_list("case", flat=True)
    )


def _is_scoring():
    return Scoring.objects.exclude(state=jobs.JobState.PENDING).exists()


def _score_what_waits():
    for part in Scoring.objects.filter(state__in=jobs.UNFINISHED):
        jobs.execute(Scoring, part.pk, arrivals.score_part)


def test_messages_only_carry_json(live_cast):
    from config import celery_app

    assert celery_app.conf.accept_content == ["json"]
    assert celery_app.conf.task_serializer == "json"
