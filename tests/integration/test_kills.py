"""Workers killed with -9 at every stage: nothing is half done, and nothing is done twice."""

import signal
import subprocess
import sys

import pytest
from django.conf import settings

from annotation.core import jobs
from learning import embedding, pipeline, pretraining
from learning.models import Embedding, EncoderVersion, ModelVersion, Prediction, Round, Trigger
from learning.pipeline.rounds import run_folder
from learning.services import embeddings, rounds
from learning.services import pretraining as requests
from tests import factories, servers
from tests.learning.test_shards import lapse

TINY = {"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 12, "evaluations": 3}


@pytest.fixture
def target(live_cast):
    return factories.make_divided_target(live_cast, config=TINY)


@pytest.fixture(scope="module")
def workers(django_db_setup):
    """A process that has loaded everything, of which each job gets a fork."""
    command = [sys.executable, "-m", "tests.integration.killed"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    own = {"DJANGO_SETTINGS_MODULE": "config.settings", "FIRSTREAD_PROCESS": "worker"}
    environment = servers.environment(**own)
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, **pipes) as process:
        yield process


@pytest.fixture
def kill_at(workers):
    """`kill_at(kind, job, moment)`: a process takes the job and dies then; its lease has lapsed afterwards."""

    def kill(kind, job, moment):
        print(kind, job.pk, moment, file=workers.stdin, flush=True)
        assert int(workers.stdout.readline()) == signal.SIGKILL
        assert type(job).objects.get(pk=job.pk).state == jobs.JobState.RUNNING
        lapse(type(job))

    return kill


def test_a_round_killed_at_each_of_its_steps_is_published_once(target, kill_at):
    round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    for attempt, moment in enumerate(("load:0", "evaluate:0", "publish:0"), 1):
        kill_at("round", round_, moment)
        assert Round.objects.get().attempt == attempt
        assert [r.pk for r in jobs.lost_jobs(Round)] == [
            round_.pk
        ]  # its third death left something
        assert ModelVersion.objects.count() == Prediction.objects.count() == 0
    jobs.execute(Round, round_.pk, pipeline.run_round)
    done = Round.objects.get()
    assert (done.state, done.attempt) == (jobs.JobState.COMPLETED, 4), done.error
    assert ModelVersion.objects.get().round == done
    assert Prediction.objects.count() == 4
    assert [point["step"] for point in done.curves] == [4, 8, 12]
    assert not run_folder(done).exists()


def test_an_encoder_killed_in_mid_pool_embeds_each_case_once(target, kill_at):
    encoder = embeddings.create_encoder(target.project)
    EncoderVersion.objects.update(kind="descriptor")
    kill_at("encoder", encoder, "fit:0")
    kill_at("encoder", encoder, "embed:5")
    assert Embedding.objects.filter(encoder=encoder).count() == 5
    assert EncoderVersion.objects.get().kept_attempt == 2
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    done = EncoderVersion.objects.get()
    assert (done.state, done.attempt, done.is_ready) == ("completed", 3, True), done.error
    assert Embedding.objects.filter(encoder=encoder).count() == 16


def test_a_pre_training_killed_in_the_middle_goes_on_from_its_checkpoint(
    target, live_cast, kill_at
):
    encoder = requests.request_pretraining(actor=live_cast.manager, target=target, steps=6)
    kill_at("pretraining", encoder, "load:0")
    kill_at("pretraining", encoder, "learn:3")
    seen = EncoderVersion.objects.get()
    assert (seen.attempt, seen.kept_attempt) == (2, 2)
    jobs.execute(EncoderVersion, encoder.pk, pretraining.run_pretraining)
    done = EncoderVersion.objects.get()
    assert (done.state, done.attempt) == ("completed", 3), done.error
    assert done.curves[: len(seen.curves)] == seen.curves
    assert [point["step"] for point in done.curves] == [1, 2, 3, 4, 5, 6]
    assert done.weights_sha256
