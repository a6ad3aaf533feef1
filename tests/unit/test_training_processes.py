"""One training job in two processes: what they learn, what they say when they fail, and how they end."""

import subprocess
import sys

import numpy as np
import psutil
import pytest
import torch
from django.conf import settings

from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.loop import train
from learning.training.networks import Architecture
from learning.training.processes import ProcessesFailed, train_in_processes, write_job
from learning.training.tasks import OneAnswer
from tests import servers

SIDES = OneAnswer(("left", "right"))
PARENT = """
import sys
from pathlib import Path
from learning.training.processes import train_in_processes
train_in_processes(Path(sys.argv[1]), 2, lambda _progress: None)
"""
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
    with pytest.raises(ProcessesFailed, match="Unlearnable: Training needs 2 labeled cases"):
        train_in_processes(tmp_path, 1, lambda _p: None)


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
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, cwd=settings.BASE_DIR) as worker:
        servers.eventually(lambda: any(tmp_path.glob("*.pt")), "two processes train")
        below = psutil.Process(worker.pid).children(recursive=True)
        worker.kill()
    servers.eventually(lambda: not any(map(servers.is_alive, below)), "nobody trains on")
    assert len(below) == 3  # torchrun, and what it started
    saved = Checkpoints(tmp_path).load()["step"]
    steps = []

    def see(progress):
        steps.append(progress.step)
        if progress.step:
            raise Enough

    with pytest.raises(Enough):
        train_in_processes(tmp_path, 2, see)
    assert 0 < saved < steps[-1] < 20_000
