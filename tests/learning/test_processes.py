"""Rounds whose network is trained by two processes together, as on two GPUs."""

import os
import signal

import psutil
import pytest

from annotation.core import jobs
from learning import pipeline
from learning.models import Round, Trigger
from learning.services import rounds
from learning.training import processes
from learning.training.memory import AtOnce, OutOfMemory, ShortOfMemory
from learning.training.processes import ProcessesDied, ProcessesFailed, _until_done
from tests import servers


@pytest.fixture
def target(labeled_target, settings):
    settings.TRAINING_PROCESSES = "2"
    labeled_target.config = {**labeled_target.config, "min_steps": 40, "evaluations": 10}
    labeled_target.save()
    return labeled_target


@pytest.fixture
def at_figures(monkeypatch):
    """Does one thing after the other, each when the training has recorded more figures."""

    def arrange(*things):
        report, waiting, known = jobs.report, list(things), [0]

        def reported(job, **said):
            points = len(Round.objects.get(pk=job.pk).curves)
            if waiting and said.get("step") == "train" and points > known[0]:
                known[0] = points
                waiting.pop(0)(job)
            report(job, **said)

        monkeypatch.setattr(jobs, "report", reported)

    return arrange


def trainers():
    """The processes below this one that train now."""
    found = psutil.Process().children(recursive=True)
    return [p for p in found if "learning.training.processes" in p.cmdline() and _is_leaf(p)]


def _is_leaf(process):
    return "torch.distributed.run" not in process.cmdline()


def execute(round_):
    jobs.execute(Round, round_.pk, pipeline.run_round)
    round_.refresh_from_db()
    return round_


def test_a_round_goes_on_after_one_of_its_processes_was_killed_and_alone_after_a_pause(
    target, cast, settings, at_figures
):
    killed, paused = [], []

    def kill_one(_job):
        killed.extend(trainers())
        os.kill(killed[-1].pid, signal.SIGKILL)

    def pause(job):
        paused.extend(trainers())
        rounds.pause(actor=cast.manager, round_=job)

    at_figures(kill_one, pause)
    round_ = execute(rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1))
    assert (round_.is_paused, len(killed), len(paused)) == (True, 2, 2)
    assert not any(map(servers.is_alive, [*killed, *paused]))
    seen = round_.curves
    settings.TRAINING_PROCESSES = "1"
    rounds.resume(actor=cast.manager, round_=round_)
    done = execute(round_)
    assert (done.state, done.attempt) == ("completed", 1), done.error
    steps = [point["step"] for point in done.curves]
    assert steps == sorted(set(steps))
    assert (steps[-1], done.curves[: len(seen)]) == (40, seen)


def progress(saved_step):
    return processes.Progress(saved_step, 100, 1, 0.0, 4, saved_step=saved_step)


def ends_with(monkeypatch, endings):
    """Stands for the processes: each start says what it saved, and ends as it is told."""
    asked = []

    def start(folder, count, on_progress, *, at_once):
        asked.append(at_once)
        saved, ending = endings[len(asked) - 1]
        on_progress(progress(saved))
        if ending is not None:
            raise ending
        return "trained"

    monkeypatch.setattr(processes, "train_in_processes", start)
    return asked


def test_only_deaths_without_a_checkpoint_between_them_end_the_training(monkeypatch, tmp_path):
    death = ProcessesDied("SIGKILL")
    ends_with(monkeypatch, [(10, death), (20, death), (30, death), (40, death), (50, None)])
    assert _until_done(tmp_path, 2, lambda _p: None, AtOnce("training"), 4) == "trained"
    ends_with(monkeypatch, [(10, death), (0, death), (0, death), (0, death)])
    with pytest.raises(ProcessesFailed, match="died 3 times without a checkpoint"):
        _until_done(tmp_path, 2, lambda _p: None, AtOnce("training"), 4)


def test_memory_that_runs_out_in_one_process_halves_what_all_hold(monkeypatch, tmp_path):
    short = ShortOfMemory("one of several")
    asked = ends_with(monkeypatch, [(0, short), (0, short), (0, None)])
    assert _until_done(tmp_path, 2, lambda _p: None, AtOnce("training"), 8) == "trained"
    assert asked == [None, 4, 2]
    asked = ends_with(monkeypatch, [(0, OutOfMemory("validation cannot do with fewer"))])
    with pytest.raises(OutOfMemory, match="validation cannot"):  # fewer to learn from help nothing
        _until_done(tmp_path, 2, lambda _p: None, AtOnce("training"), 8)
    assert asked == [None]
