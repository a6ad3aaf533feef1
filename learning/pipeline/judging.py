"""How far an evaluation is, and what it found, kept for the attempts after it: on a CPU it may take a day."""

import contextlib
import hashlib
import io
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from annotation.core import jobs
from annotation.datasets.models import Split
from learning.models import Round
from learning.pipeline.base import Examples, Judged, Kind, Learned, OnJudged
from learning.services.test_results import Results
from learning.training.checkpoint import hash_of, write_whole
from learning.training.metrics.figures import Examined

TELL_S = 1.0


def judge_once(
    round_: Round, kind: Kind, learned: Learned, examples: dict[Split, Examples], folder: Path
) -> Judged:
    """What the held-out cases say of the round's network, or said when an earlier attempt asked."""
    kept = Kept(folder, learned, examples)
    known = kept.load()
    if known is None:
        rng = np.random.default_rng(round_.seed)
        known = kind.judge(learned, examples, rng, teller(round_))
        kept.save(known)
        round_.note_kept()
    return known


def teller(job: jobs.Job) -> OnJudged:
    """Tells the job about once a second how many images are judged; raises what `jobs.report` raises."""
    began = time.monotonic()
    told = -TELL_S

    def tell(done: int, total: int) -> None:
        nonlocal told
        passed = time.monotonic() - began
        if passed - told < TELL_S:
            return
        told = passed
        left = {"seconds_left": round(passed / done * (total - done))} if done else {}
        jobs.report(job, step="evaluate", done=done, total=total, **left)

    return tell


class Kept:
    """A judgement in a folder, under what it is of: these weights on these held-out cases.

    The cases too, because a machine that lacks files judges others.
    """

    def __init__(self, folder: Path, learned: Learned, examples: dict[Split, Examples]) -> None:
        cases = [examples[split].cases for split in (Split.VALIDATION, Split.TEST)]
        of_what = f"{hash_of(learned.network)} {cases}"
        self._folder = folder
        self._name = f"judged-{hashlib.sha256(of_what.encode()).hexdigest()}"

    def save(self, judged: Judged) -> None:
        """Under its own hash too: what is damaged is never taken for a judgement."""
        content = to_bytes(judged)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self._folder / f"{self._name}-{_digest(content)}.npz", content)

    def load(self) -> Judged | None:
        for path in self._folder.glob(f"{self._name}-*.npz"):
            content = path.read_bytes()
            if path.stem.endswith(_digest(content)):
                # Whole, but perhaps of a version of this program that kept other things.
                with contextlib.suppress(KeyError, TypeError, ValueError):
                    return from_bytes(content)
        return None


def to_bytes(judged: Judged) -> bytes:
    """Arrays and JSON in one npz: nothing in it can run."""
    results, arrays = judged.results, {}
    record: dict[str, Any] = {"metrics": judged.metrics, "thresholds": list(judged.thresholds)}
    if results is not None:
        examined = dict(vars(results.examined))
        arrays = {name: examined.pop(name) for name in ("truth", "predictions")}
        record["results"] = {
            "cases": [str(case) for case in results.cases],
            "said": [list(said) for said in results.said],
            "examined": {**examined, "patients": list(results.examined.patients)},
        }
    text = json.dumps(record).encode()
    file = io.BytesIO()
    np.savez(file, record=np.frombuffer(text, np.uint8), **arrays)
    return file.getvalue()


def from_bytes(content: bytes) -> Judged:
    """What `to_bytes` was given, number by number."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        record = json.loads(arrays["record"].tobytes())
        found = {name: arrays[name] for name in arrays.files if name != "record"}
    results = None
    if "results" in record:
        kept = record["results"]
        lists = kept["examined"]
        tuples = {name: tuple(lists[name]) for name in ("classes", "thresholds", "overlaps")}
        examined = Examined(**{**lists, **tuples, **found})
        results = Results([UUID(case) for case in kept["cases"]], examined, kept["said"])
    return Judged(record["metrics"], tuple(record["thresholds"]), results)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
