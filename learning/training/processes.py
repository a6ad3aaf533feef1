"""One training job in several processes on one machine, one per GPU, started by torchrun.

The job is a folder: job.json, the samples as files that every process maps, the weights to begin with,
checkpoints, and in the end weights.safetensors with result.json. Run by hand:

python -m torch.distributed.run --standalone --nproc-per-node 2 -m learning.training.processes FOLDER
"""

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

import safetensors.torch
from torch import nn

from learning.training.checkpoint import Checkpoints, apart
from learning.training.config import TrainConfig
from learning.training.data import Samples
from learning.training.distributed import has_lost_another, joined
from learning.training.lessons import images_per_step
from learning.training.loop import DivergedTraining, Trained, begun, train
from learning.training.memory import AtOnce, OutOfMemory, ShortOfMemory, note, noted
from learning.training.networks import Architecture
from learning.training.run import OnProgress, Progress
from learning.training.tasks import Task, Unlearnable, task_from_json
from learning.training.transfer import Start, start_afresh
from learning.training.validation import UnfitSamples, require_fitting

logger = logging.getLogger(__name__)
MARK = "progress "  # of the lines of the first process that are for its parent
LISTEN_S = 1.0  # between looks at whether the job is still wanted
STOP_S = 10.0
TAIL = 2000  # characters of a failed process's output that are kept
MAX_DEATHS = 3  # without a checkpoint in between
WATCHES = "FIRSTREAD_ENDS_WITH_ITS_INPUT"  # set where the input is a pipe to a parent


class ProcessesFailed(RuntimeError):
    """The processes ended without a result; carries the end of what they said."""


class ProcessesDied(ProcessesFailed):
    """Something ended them: a signal, or the machine's memory."""


#: What `train` raises, and its caller tells apart
KNOWN: dict[str, type[Exception]] = {
    known.__name__: known
    for known in (DivergedTraining, OutOfMemory, ShortOfMemory, UnfitSamples, Unlearnable)
}


def train_in(
    count: int, *, config: TrainConfig, task: Task, architecture: Architecture,
    training: Samples, validation: Samples, unlabeled: Samples | None = None, seed: int,
    folder: Path, on_progress: OnProgress,
    start: Start = start_afresh,
) -> Trained:  # fmt: skip
    """`loop.train` with its checkpoints in `folder`, in `count` processes where it is above one.

    Processes that are killed go on from the checkpoint. Raises what `train` raises, ProcessesFailed.
    """
    smallest = 1 if task.is_dense else 2
    count = min(count, max(config.batch_size // smallest, 1))  # each has a share of every batch
    if count <= 1:
        return train(
            config=config, task=task, architecture=architecture, training=training,
            validation=validation, unlabeled=unlabeled, seed=seed,
            checkpoints=Checkpoints(folder), on_progress=on_progress, start=start,
        )  # fmt: skip
    for samples in (training, validation, unlabeled):
        if samples is not None:
            require_fitting(architecture, task, samples)
    task.require_learnable(training.labels)
    write_job(
        folder, config=config, task=task, architecture=architecture, training=training,
        validation=validation, unlabeled=unlabeled, seed=seed, start=start,
    )  # fmt: skip
    share = -(-images_per_step(config, unlabeled) // count)
    return _until_done(folder, count, on_progress, AtOnce("training", smallest), share)


def write_job(
    folder: Path, *, config: TrainConfig, task: Task, architecture: Architecture,
    training: Samples, validation: Samples, unlabeled: Samples | None = None, seed: int,
    start: Start = start_afresh,
) -> None:  # fmt: skip
    """Everything that the processes need, as files."""
    training.save(folder / "training")
    validation.save(folder / "validation")
    if unlabeled is not None:
        unlabeled.save(folder / "unlabeled")
    _save(begun(architecture, start, seed), folder / "start.safetensors")
    job = {
        "config": config.as_json(), "task": task.as_json(),
        "architecture": architecture.as_json(), "seed": seed, "steps": config.steps(len(training)),
        "images_per_step": images_per_step(config, unlabeled), "has_unlabeled": unlabeled is not None,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))


def _until_done(
    folder: Path, count: int, on_progress: OnProgress, room: AtOnce, share: int
) -> Trained:
    """Start the processes again where they were killed, and with fewer images where memory ran out."""
    deaths, saved = 0, 0
    at_once: int | None = None  # of each one's share of a batch

    def heard(progress: Progress) -> None:
        nonlocal deaths, saved
        if progress.saved_step > saved:
            deaths, saved = 0, progress.saved_step
        on_progress(progress)

    while True:
        try:
            return train_in_processes(folder, count, heard, at_once=at_once)
        except ShortOfMemory:
            room.halve(share)
            at_once = room.count
        except ProcessesDied as death:
            deaths += 1
            logger.warning("processes_died folder=%s deaths=%s", folder.name, deaths)
            if deaths >= MAX_DEATHS:
                raise ProcessesFailed(
                    f"The training processes died {deaths} times without a checkpoint in between: "
                    f"{death}"
                ) from None


def train_in_processes(
    folder: Path, count: int, on_progress: OnProgress, *, at_once: int | None = None
) -> Trained:
    """Run a written job in `count` processes, or go on with it from its checkpoint.

    `on_progress` is called at least about once a second, also while they start, and may raise to stop all
    of them. Raises what `train` raises, ShortOfMemory, ProcessesDied, ProcessesFailed.
    """
    for name in ("failure.json", "result.json"):
        (folder / name).unlink(missing_ok=True)
    with (
        TemporaryDirectory(prefix="torchrun-", dir=folder, ignore_cleanup_errors=True) as logs,
        TemporaryFile("w+", errors="replace") as errors,
        _started(_command(folder, count, at_once, logs), errors.fileno()) as (process, lines),
    ):
        for progress in _told(process, lines, _begun(folder, at_once)):
            on_progress(progress)
        if process.wait():
            errors.seek(0)
            raise _failure(folder, errors.read()[-TAIL:])
    return _result(folder)


def _command(folder: Path, count: int, at_once: int | None, logs: str) -> list[str]:
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}",
        f"--log-dir={logs}", "-m", __name__, str(folder), str(at_once or 0),
    ]  # fmt: skip


def _begun(folder: Path, at_once: int | None) -> Progress:
    """Where a job stands before its processes say anything."""
    job = json.loads((folder / "job.json").read_text())
    step = Checkpoints(folder).newest_step()
    images = at_once or job["images_per_step"]
    return Progress(step, job["steps"], 0, 0.0, images, is_short=at_once is not None)


def _told(
    process: "subprocess.Popen[str]", lines: "queue.SimpleQueue[str]", begun: Progress
) -> Iterator[Progress]:
    """What the first process says, and the last of it again while it says nothing."""
    last = begun
    yield begun
    while True:
        try:
            line = lines.get(timeout=LISTEN_S)
        except queue.Empty:
            if process.poll() is not None:  # one that it started may still hold the pipe
                return
            yield last
            continue
        if not line:
            return
        if line.startswith(MARK):
            said = Progress(**json.loads(line.removeprefix(MARK)))
            yield said
            last = replace(said, figures=None)


def _read(output: IO[str], lines: "queue.SimpleQueue[str]") -> None:
    try:
        for line in output:
            lines.put(line)
    finally:
        lines.put("")


@contextmanager
def _started(
    command: list[str], errors: int
) -> Iterator[tuple["subprocess.Popen[str]", "queue.SimpleQueue[str]"]]:
    """The processes and what they say, line by line and "" at the end.

    Gone when this ends however it ends: they watch the pipe that is their input.
    """
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", WATCHES: "1"}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        errors="replace", env=environment, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None  # noqa: S101  for the type checker
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        process.stdin.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        reader.join(STOP_S)


def _failure(folder: Path, said: str) -> Exception:
    """Why there is no result: as a process wrote it down, or else something ended it."""
    try:
        failure = json.loads((folder / "failure.json").read_text())
    except (OSError, ValueError):
        return ProcessesDied(said)
    if known := KNOWN.get(failure["type"]):
        return known(failure["message"])
    if failure["errno"]:
        return OSError(failure["errno"], failure["message"])
    return ProcessesFailed(f"{failure['type']}: {failure['message']}")


def _result(folder: Path) -> Trained:
    result = json.loads((folder / "result.json").read_text())
    job = json.loads((folder / "job.json").read_text())
    network = Architecture.from_json(job["architecture"]).build()
    network.load_state_dict(safetensors.torch.load_file(folder / "weights.safetensors"))
    for stage, shortage in result["shortages"].items():
        note(stage, shortage["at_once"])
    return Trained(network, task_from_json(result["task"]), result["curves"])


def _save(network: nn.Module, path: Path) -> None:
    safetensors.torch.save_file(apart(network.state_dict()), path)


def run(folder: Path, at_once: int | None) -> None:
    """What each process does."""
    if os.environ.get(WATCHES):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    job = json.loads((folder / "job.json").read_text())

    def start(network: nn.Module, _with_one_more: object) -> None:
        network.load_state_dict(safetensors.torch.load_file(folder / "start.safetensors"))

    with joined() as group, noted() as shortages:
        try:
            trained = train(
                config=TrainConfig.from_json(job["config"]), task=task_from_json(job["task"]),
                architecture=Architecture.from_json(job["architecture"]),
                training=Samples.load(folder / "training"),
                validation=Samples.load(folder / "validation"),
                unlabeled=Samples.load(folder / "unlabeled") if job["has_unlabeled"] else None,
                seed=job["seed"], checkpoints=Checkpoints(folder), on_progress=_tell, start=start,
                group=group, at_once=at_once,
            )  # fmt: skip
        except Exception as error:
            if not has_lost_another(error):
                failure = {
                    "type": type(error).__name__, "message": str(error),
                    "errno": getattr(error, "errno", None),
                }  # fmt: skip
                (folder / "failure.json").write_text(json.dumps(failure))
            raise
        if group.is_first:
            _save(trained.network, folder / "weights.safetensors")
            result = {
                "task": trained.task.as_json(), "curves": trained.curves, "shortages": shortages,
            }  # fmt: skip
            (folder / "result.json").write_text(json.dumps(result))


def _tell(progress: Progress) -> None:
    print(MARK + json.dumps(asdict(progress)), flush=True)


def _end_with_parent() -> None:
    """A worker that is killed says nothing: its end of this process's input closes."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int((sys.argv[2:] or ["0"])[0]) or None)
