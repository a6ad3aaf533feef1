"""One training job in two processes: what they learn, what they say when they fail, and how they end."""

import errno
import itertools
import json
import multiprocessing
import sys
from dataclasses import replace

import numpy as np
import psutil
import pytest
import torch

from learning.machine import process_count
from learning.training import processes
from learning.training.batches import Source
from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.distributed import Group
from learning.training.loop import DivergedTraining, train
from learning.training.memory import OutOfMemory
from learning.training.networks import Architecture
from learning.training.processes import (
    ProcessesDied,
    ProcessesFailed,
    train_in_processes,
    write_job,
)
from learning.training.run import Progress
from learning.training.tasks import OneAnswer, Unlearnable
from tests import servers

SIDES = OneAnswer(("left", "right"))
STILL = TrainConfig(
    batch_size=4, epochs=1, min_steps=6, evaluations=2, flip=False, rotate_degrees=0.0, scale=0.0,
    shift=0.0, contrast=0.0, noise=0.0, network="vit_small",
)  # fmt: skip
VIT = Architecture("vit_small", 2, size=(16, 16))  # no batch norm: shares of a batch add up


def make_samples():
    images = np.random.default_rng(0).normal(0, 1, (12, 1, 16, 16)).astype(np.float32)
    labels = np.arange(12) % 2
    images[labels == 1, :, :8] += 1
    return Samples(images, labels)


def test_two_processes_learn_what_one_learns(tmp_path):
    data = make_samples()
    # Without class weights: a weighted mean over a half batch is not half of the whole one's.
    config = TrainConfig.from_json(STILL.as_json() | {"class_weights": False})
    options = {
        "config": config, "task": SIDES, "architecture": VIT, "training": data,
        "validation": data, "seed": 3,
    }  # fmt: skip
    alone = train(
        **options, checkpoints=Checkpoints(tmp_path / "alone"), on_progress=lambda _p: None
    )
    write_job(tmp_path, **options)
    heard = []
    both = train_in_processes(tmp_path, 2, heard.append)
    assert heard[-1].step == heard[-1].steps == 6
    for name, value in alone.network.state_dict().items():
        torch.testing.assert_close(
            both.network.state_dict()[name], value, rtol=1e-3, atol=1e-4, msg=name
        )


def test_processes_that_fail_say_why(tmp_path):
    samples = make_samples()
    broken = Samples(samples.images, np.zeros(12, np.int64))
    write_job(
        tmp_path, config=STILL, task=SIDES, architecture=VIT, training=broken, validation=broken,
        seed=1,
    )  # fmt: skip
    heard = []
    with pytest.raises(Unlearnable, match="Training needs 2 labeled cases"):
        train_in_processes(tmp_path, 1, heard.append)
    assert (heard[0].step, heard[0].steps) == (0, 6)  # though no process has said a word
    assert [path.name for path in tmp_path.glob("torchrun-*")] == []


@pytest.mark.parametrize(
    ("written", "raised"),
    [
        ({"type": "DivergedTraining", "errno": None}, DivergedTraining),
        ({"type": "OutOfMemory", "errno": None}, OutOfMemory),
        ({"type": "OSError", "errno": errno.ENOSPC}, OSError),
        ({"type": "KeyError", "errno": None}, ProcessesFailed),
    ],
)
def test_what_a_process_wrote_down_is_raised_as_it_was(tmp_path, written, raised):
    (tmp_path / "failure.json").write_text(json.dumps(written | {"message": "why"}))
    found = processes._failure(tmp_path, "the end of what was said")
    assert type(found) is raised
    assert "why" in str(found)
    assert getattr(found, "errno", None) == written["errno"]
    (tmp_path / "failure.json").unlink()
    assert type(processes._failure(tmp_path, "Signal 9")) is ProcessesDied


TALKER = """
import subprocess, sys
sys.stdout.buffer.write(b"\\xff is no text\\n")
print('progress {"step": 3, "steps": 9, "epoch": 1, "seconds_left": 1.0, "images_at_once": 4}', flush=True)
subprocess.Popen(["sleep", "4"], stdin=subprocess.DEVNULL)  # holds the pipe that its parent spoke into
"""


def test_what_is_heard_begins_before_the_first_word_and_ends_with_the_speaker(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(processes, "LISTEN_S", 0.2)
    monkeypatch.setattr(processes, "STOP_S", 0.2)
    begun = Progress(0, 9, 0, 0.0, 4)
    command = [sys.executable, "-c", TALKER]
    with (
        (tmp_path / "errors").open("w+") as errors,
        processes._started(command, errors.fileno()) as (process, lines),
    ):
        heard = list(processes._told(process, lines, begun))
    assert heard[0] == begun
    assert heard[-1] == replace(begun, step=3, epoch=1, seconds_left=1.0)


@pytest.mark.parametrize(
    ("wanted", "devices", "count"),
    [("auto", 0, 1), ("auto", 3, 3), ("4", 0, 4), ("4", 2, 2), ("1", 2, 1)],
)
def test_no_more_processes_train_than_there_are_gpus(monkeypatch, settings, wanted, devices, count):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    settings.TRAINING_PROCESSES = wanted
    assert process_count() == count


@pytest.mark.parametrize(("size", "images"), [(8, 16), (8, 3), (7, 11)])
def test_shares_of_a_batch_are_equal_and_hold_all_of_it(size, images):
    samples = Samples(np.arange(images * 256.0).reshape(images, 1, 16, 16), np.arange(images) % 2)
    config = TrainConfig.from_json(STILL.as_json() | {"batch_size": size})
    source = Source(samples, SIDES, config, (16, 16), torch.device("cpu"))
    epochs = [source.epochs(1, 0, Group(rank, 3)) for rank in range(3)]
    together = [task()[0] for task in itertools.islice(source.epochs(1, 0), 4)]
    for whole in together:
        shares = [next(tasks)()[0] for tasks in epochs]
        assert len({len(share) for share in shares}) == 1
        held = [share.images.flatten(1).mean(1) for share in shares]
        assert set(torch.cat(held).tolist()) == set(whole.images.flatten(1).mean(1).tolist())


class Enough(Exception):
    """What was to be seen was seen."""


def test_processes_end_with_their_killed_worker_and_the_next_goes_on_from_their_checkpoint(
    tmp_path,
):
    data, config = make_samples(), {"min_steps": 20_000, "checkpoint_s": 0.0, "evaluations": 1}
    write_job(
        tmp_path, config=TrainConfig.from_json(STILL.as_json() | config), task=SIDES,
        architecture=VIT, training=data, validation=data, seed=3,
    )  # fmt: skip
    worker = multiprocessing.get_context("fork").Process(
        target=train_in_processes, args=(tmp_path, 2, lambda _progress: None)
    )
    worker.start()
    servers.eventually(lambda: any(tmp_path.glob("*.pt")), "two processes train")
    below = psutil.Process(worker.pid).children(recursive=True)
    worker.kill()
    worker.join()
    servers.eventually(lambda: not any(map(servers.is_alive, below)), "nobody trains on")
    assert len(below) == 3  # torchrun, and what it started
    saved = Checkpoints(tmp_path).load()["step"]
    steps = []

    def see(progress):
        steps.append(progress.step)
        if progress.step > saved:
            raise Enough

    with pytest.raises(Enough):
        train_in_processes(tmp_path, 1, see)
    assert steps[0] == saved > 0
    assert steps[-1] < 20_000
