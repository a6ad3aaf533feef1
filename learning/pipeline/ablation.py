"""A round with unlabeled images trains twice, with them and without, and goes on with the better network.

Both begin alike, see the same labeled batches and take as many steps. Unlabeled images stay on only where the
validation patients show that the gain is more than chance.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from annotation.core import jobs
from annotation.datasets.models import Split
from learning.models import Round
from learning.pipeline.answers import Answers
from learning.pipeline.base import Count, Examples, Json, Learned, OnProgress
from learning.pipeline.judging import teller
from learning.pipeline.unlabeled import Unlabeled, load_unlabeled
from learning.services.unlabeled import Decision
from learning.training.config import NO_UNLABELED, TrainConfig
from learning.training.loop import DivergedTraining
from learning.training.memory import OutOfMemory
from learning.training.metrics.figures import Examined, measures_of
from learning.training.metrics.intervals import (
    LEAST_OF_RAREST,
    LEAST_PATIENTS,
    bootstrap,
    compare,
)
from learning.training.run import Progress
from learning.training.transfer import Start

SEED = 0  # a comparison shall not change from one look to the next


def learn(
    round_: Round, kind: Answers, examples: dict[Split, Examples], *, folder: Path,
    on_progress: OnProgress, start: Start,
) -> Learned:  # fmt: skip
    """The network to go on with, and in `unlabeled` what was found. Raises what `kind.learn` raises."""
    record: Json = {"method": kind.config.unlabeled}

    def learned(place: Path, tell: OnProgress, beside: Unlabeled | None = None) -> Learned:
        return kind.learn(
            examples, seed=round_.seed, folder=place, on_progress=tell, start=start,
            unlabeled=beside.examples if beside else None,
        )  # fmt: skip

    decision, unlabeled = _unlabeled(round_, kind, examples, folder)
    steps, cost = kind.config.steps(len(examples[Split.TRAIN])), cost_of_step(kind.config)
    if unlabeled is None:
        jobs.report(round_, step="train", done=0, total=steps)
        kind.config = replace(kind.config, unlabeled=NO_UNLABELED)
        return replace(learned(folder, on_progress), unlabeled=record | {"decision": str(decision)})
    record |= {
        "images": len(unlabeled), "patients": len(set(unlabeled.examples.patients)),
        "images_sha256": unlabeled.sha256,
    }  # fmt: skip
    jobs.report(round_, step="train", done=0, total=steps * (1 + cost), training=1)
    told = TwoTrainings(on_progress, cost)
    without = learned(folder / "without", told.first)
    try:
        with_images = learned(folder / "with", told.second, unlabeled)
    except (DivergedTraining, OutOfMemory) as trouble:
        lost = {"decision": str(Decision.LEFT_OFF), "trouble": str(trouble)}
        return replace(without, unlabeled=record | lost)
    validation = examples[Split.VALIDATION]
    count = Count(2 * len(validation), teller(round_))
    found = compared(*(kind.examined(one, validation, count) for one in (with_images, without)))
    kept = with_images if found["decision"] == Decision.KEPT else without
    return replace(kept, unlabeled=record | found)


def compared(with_images: Examined, without: Examined) -> Json:
    """The figure that decides of both on the same validation cases, the gain with its 95 % interval over
    patients (above 0 is better with unlabeled images), and what follows."""
    name, higher_is_better = without.deciding
    candidate, ablation = (measures_of(one)[name] for one in (with_images, without))
    patients = without.patients
    found = compare(
        candidate, ablation, patients, np.random.default_rng(SEED), margin=0.0,
        higher_is_better=higher_is_better,
    )  # fmt: skip
    return {
        "decision": str(Decision.KEPT if found.is_better else Decision.LEFT_OFF),
        "figure": name,
        "with_images": asdict(bootstrap(candidate, patients, np.random.default_rng(SEED))),
        "without_images": asdict(bootstrap(ablation, patients, np.random.default_rng(SEED))),
        "difference": asdict(found.difference),
        "n": len(without),
        "validation_patients": len(set(patients)),
    }


def _unlabeled(
    round_: Round, kind: Answers, examples: dict[Split, Examples], folder: Path
) -> tuple[Decision, Unlabeled | None]:
    """The images; or why two trainings would be a waste, and none."""
    validation = examples[Split.VALIDATION]
    if len(set(validation.patients)) < LEAST_PATIENTS:
        return Decision.FEW_PATIENTS, None
    made_up = _made_up(kind, validation)
    if measures_of(made_up)[made_up.deciding[0]](np.arange(len(made_up))) is None:
        return Decision.ONE_ANSWER, None
    if made_up.rests_on < LEAST_OF_RAREST:
        return Decision.FEW_OF_RAREST, None
    steps = kind.config.steps(len(examples[Split.TRAIN]))
    beside = kind.config.batch_size * kind.config.unlabeled_per_label
    found = load_unlabeled(round_, kind, steps * beside, folder)
    return (Decision.KEPT, found) if len(found) else (Decision.NO_IMAGES, None)


def _made_up(kind: Answers, validation: Examples) -> Examined:
    """These cases with answers by chance: what figures can be taken of them, and on how many they rest."""
    said = np.random.default_rng(SEED).random((len(validation), len(kind.classes)))
    truth = kind.task.encode(validation.labels)
    return Examined(kind.task.kind, truth, said, validation.patients).labeled()


def cost_of_step(config: TrainConfig) -> int:
    """How many steps without unlabeled images take about as long as one with them.

    Learning from an image costs three looks at it (forward, and twice that backward), teaching one.
    """
    looks = 3 * (1 + config.unlabeled_per_label) + config.unlabeled_per_label
    return round(looks / 3)


@dataclass
class TwoTrainings:
    """Tells of two trainings as of one job: done in steps of the first, each of the second counts `cost`."""

    on_progress: OnProgress
    cost: int
    _step_s: float = field(default=0.0, init=False)

    def first(self, progress: Progress) -> None:
        """Time left is its own and what the second may take."""
        if progress.step < progress.steps:
            self._step_s = progress.seconds_left / (progress.steps - progress.step)
        ahead = self._step_s * self.cost * progress.steps
        done = min(progress.step, progress.steps)  # the last epoch may go further
        self._tell(progress, 1, done, progress.seconds_left + ahead)

    def second(self, progress: Progress) -> None:
        """Its losses stand beside those of the first, at the same steps."""
        figures = progress.figures and {
            name if name in ("step", "epoch", "learning_rate") else f"unlabeled_{name}": value
            for name, value in progress.figures.items()
        }
        done = progress.steps + min(progress.step, progress.steps) * self.cost
        self._tell(replace(progress, figures=figures), 2, done, progress.seconds_left)

    def _tell(self, progress: Progress, training: int, done: int, seconds_left: float) -> None:
        self.on_progress(replace(
            progress, step=done, steps=progress.steps * (1 + self.cost), seconds_left=seconds_left,
            training=training,
        ))  # fmt: skip
