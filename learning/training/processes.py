"""One training job in several processes on one machine, one per GPU, started by torchrun.

The job is a folder: job.json, the samples as files that every process maps, checkpoints, and in the
end weights.safetensors with result.json. Run by hand:

python -m torch.distributed.run --standalone --nproc-per-node 2 -m learning.training.processes FOLDER
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile

import safetensors.torch

from learning.training.checkpoint import Checkpoints
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.distributed import joined
from learning.training.loop import Trained, train
from learning.training.networks import Architecture
from learning.training.run import OnProgress, Progress
from learning.training.tasks import Task, task_from_json

MARK = "progress "  # of the lines of the first process that are for its parent
STOP_S = 10.0
TAIL = 2000  # characters of a failed process's output that are kept


class ProcessesFailed(RuntimeError):
    """The processes ended without a result; carries the end of what they said."""


def write_job(
    folder: Path, *, config: TrainConfig, task: Task, architecture: Architecture,
    training: Samples, validation: Samples, seed: int,
) -> None:  # fmt: skip
    """Everything that the processes need, as files."""
    training.save(folder / "training")
    validation.save(folder / "validation")
    job = {
        "config": config.as_json(), "task": task.as_json(),
        "architecture": architecture.as_json(), "seed": seed,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))


def train_in_processes(folder: Path, count: int, on_progress: OnProgress) -> Trained:
    """Run a written job in `count` processes, or go on with it from its checkpoint.

    `on_progress` may raise to stop all of them. Raises ProcessesFailed.
    """
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        f"--nproc-per-node={count}", "-m", __name__, str(folder),
    ]  # fmt: skip
    with TemporaryFile("w+") as errors, _started(command, errors.fileno()) as process:
        assert process.stdout is not None  # noqa: S101  for the type checker
        for line in process.stdout:
            if line.startswith(MARK):
                on_progress(Progress(**json.loads(line.removeprefix(MARK))))
        if process.wait():
            errors.seek(0)
            raise ProcessesFailed(_reason(folder) or errors.read()[-TAIL:])
    return _result(folder)


@contextmanager
def _started(command: list[str], errors: int) -> Iterator["subprocess.Popen[str]"]:
    """The processes in a group of their own, gone when this ends however it ends."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _reason(folder: Path) -> str:
    path = folder / "failure.txt"
    return path.read_text() if path.exists() else ""


def _result(folder: Path) -> Trained:
    result = json.loads((folder / "result.json").read_text())
    job = json.loads((folder / "job.json").read_text())
    network = Architecture.from_json(job["architecture"]).build()
    network.load_state_dict(safetensors.torch.load_file(folder / "weights.safetensors"))
    return Trained(network, task_from_json(result["task"]), result["curves"])


def run(folder: Path) -> None:
    """What each process does."""
    job = json.loads((folder / "job.json").read_text())
    (folder / "failure.txt").unlink(missing_ok=True)
    with joined() as group:
        try:
            trained = train(
                config=TrainConfig.from_json(job["config"]), task=task_from_json(job["task"]),
                architecture=Architecture.from_json(job["architecture"]),
                training=Samples.load(folder / "training"),
                validation=Samples.load(folder / "validation"), seed=job["seed"],
                checkpoints=Checkpoints(folder / "checkpoints"), on_progress=_tell, group=group,
            )  # fmt: skip
        except Exception as error:
            (folder / "failure.txt").write_text(f"{type(error).__name__}: {error}")
            raise
        if group.is_first:
            tensors = {k: v.cpu().contiguous() for k, v in trained.network.state_dict().items()}
            safetensors.torch.save_file(tensors, folder / "weights.safetensors")
            result = {"task": trained.task.as_json(), "curves": trained.curves}
            (folder / "result.json").write_text(json.dumps(result))


def _tell(progress: Progress) -> None:
    print(MARK + json.dumps(asdict(progress)), flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
