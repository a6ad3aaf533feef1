"""The figures of a test set by kind of target. NumPy alone: the web process computes them too.

A figure is a measure of rows, so that the same one serves the whole set, a draw of a bootstrap, a subgroup
and the comparison of two models. Where the rows cannot give it, it is None, never a guess.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.training.metrics import classification, ranked, values
from learning.training.metrics.box_figures import BoxFigures, named
from learning.training.metrics.intervals import Measure, Rows, bootstrap_all
from learning.training.metrics.support import Support, as_json, drawn

# What decides between models, by kind of task, and whether more of it is better (Task.metric).
HOLED = frozenset(
    {"segmentation", "boxes"}
)  # kinds whose predictions have NaN where there is nothing
SMALLER_IS_BETTER = frozenset(
    {"mean_absolute_error", "root_mean_square_error", "calibration_error", "brier", "mean_hd95_mm"}
)
DECIDING = {
    "one": "auc", "ordinal": "quadratic_kappa", "many": "mean_auc", "number": "mean_absolute_error",
    "time_to_event": "c_index", "segmentation": "mean_dice",
    "boxes": "ap50",  # at the first of the overlaps: ap10 in volumes
}  # fmt: skip
SPECIFICITIES = (90, 95)  # percent, at which the sensitivity is told
ALL_PAIRS_UP_TO = 2000  # cases whose pairs are kept: 16 MB a matrix
Floats = NDArray[np.float64]


def in_order(names: Iterable[str], deciding: str) -> list[str]:
    """As people are told figures: the deciding one first, errors last."""
    return sorted(names, key=lambda name: (name != deciding, name in SMALLER_IS_BETTER, name))


def named_sensitivity(percent: int) -> str:
    """What the sensitivity at this specificity is called."""
    return f"sensitivity_at_{percent}_specificity"


MEANS_OF_LABELS = {
    "auc": "mean_auc", "average_precision": "mean_average_precision", "f1": "mean_f1",
    **{name: f"mean_{name}" for name in map(named_sensitivity, SPECIFICITIES)},
}  # fmt: skip
"""What the mean of each figure over the findings is called."""


@dataclass(frozen=True)
class Examined:
    """What is true of n cases and what a model said of them.

    `truth`: (n,) class numbers of "one" and "ordinal"; (n, k) of 1, 0 or NaN of "many"; (n,) of "number";
    (n, 2) of time and event of "time_to_event"; (n, k) objects of "boxes"; of "segmentation" (n, k) of 1
    where readers drew the structure, 0, or NaN where that was not kept.
    `predictions` (n, k): probabilities, values, log risks; of "segmentation" the Dice of each structure and
    then the HD95 in mm of each, NaN where there is none; of "boxes" the detections: see `box_figures`.
    `thresholds`: of class 1 of two, or one per label or structure; else empty.
    `overlaps`: of "boxes", from which on a box is a hit; the first decides between models.
    """

    kind: str
    truth: NDArray[Any]
    predictions: Floats
    patients: Sequence[str]
    classes: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    overlaps: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in DECIDING:
            raise ValueError(f"{self.kind!r} is none of {', '.join(DECIDING)}")
        if not len(self.truth) == len(self.predictions) == len(self.patients):
            raise ValueError(
                f"{len(self.truth)} answers, {len(self.predictions)} predictions and "
                f"{len(self.patients)} patients"
            )

        if self.kind == "segmentation" and 2 * self.truth.shape[-1] != self.predictions.shape[1]:
            raise ValueError(f"truth {self.truth.shape} is not of each structure")
        wanted = len(self.classes) if self.kind in ("many", "segmentation") else 1
        if self.thresholds and len(self.thresholds) != wanted:
            raise ValueError(f"{len(self.thresholds)} thresholds where {wanted} are needed")

    def __len__(self) -> int:
        return len(self.patients)

    def labeled_rows(self) -> Rows:
        return np.flatnonzero(_is_known(self.kind, self.truth))

    def labeled(self) -> "Examined":
        """The rows with an answer."""
        return self.rows(self.labeled_rows())

    def rows(self, rows: Rows) -> "Examined":
        """Some of the cases."""
        return replace(
            self, truth=self.truth[rows], predictions=self.predictions[rows],
            patients=[self.patients[int(row)] for row in rows],
        )  # fmt: skip

    @property
    def deciding(self) -> tuple[str, bool]:
        """The figure that decides between models, and whether more of it is better."""
        name = named(self.overlaps[0]) if self.overlaps else DECIDING[self.kind]
        return name, name not in SMALLER_IS_BETTER

    def support(self, figure: str = "") -> Support:
        """The patients that a figure rests on, the deciding one unless told; every row needs an answer."""
        return Support.of(
            self.kind, self.truth, self.predictions, self.patients, figure or self.deciding[0]
        )

    @property
    def rests_on(self) -> int:
        """How many patients the deciding figure rests on."""
        return self.support().rests_on(np.arange(len(self)))

    @property
    def is_finite(self) -> bool:
        """A network that has diverged answers NaN, of which no figure can be taken."""
        return self.kind in HOLED or bool(np.isfinite(self.predictions).all())


def figures(test: Examined, rng: np.random.Generator) -> dict[str, Any]:
    """All figures as JSON: {"n", "patients", "kind", "metric", "auc": {value, low, high}, ...}.

    `rests_on` are the patients that the deciding figure rests on. Intervals are of 95 %, by bootstrap over
    patients. Where a figure is missing, "absent_because" says why.
    """
    test = test.labeled()
    name, higher_is_better = test.deciding
    measures = measures_of(test)
    found = bootstrap_all(measures, test.patients, rng)
    is_missing = any(estimate.value is None for estimate in found.values())
    return {
        "n": len(test),
        "patients": len(set(test.patients)),
        "rests_on": test.rests_on,
        "kind": test.kind,
        "metric": {"name": name, "higher_is_better": higher_is_better},
        "thresholds": list(test.thresholds),
        "absent_because": _why_absent(test) if is_missing else None,
        **_described(test, rng),
        **as_json(found, test.support, errors=SMALLER_IS_BETTER),
    }


def measures_of(test: Examined) -> dict[str, Measure]:
    """Every figure of the kind, that which decides first; rows without an answer must be gone."""
    made = _MEASURES[test.kind](test)
    if len(test) == 0 or not test.is_finite:
        return dict.fromkeys(made, _nothing)
    return made


def _is_known(kind: str, truth: NDArray[Any]) -> NDArray[np.bool_]:
    if kind in ("one", "ordinal"):
        return np.asarray(truth >= 0)
    if kind in HOLED:
        return np.ones(len(truth), bool)
    is_finite = np.isfinite(truth.astype(np.float64))
    if truth.ndim == 1:
        return is_finite
    return np.asarray(is_finite.any(axis=1) if kind == "many" else is_finite.all(axis=1))


def _nothing(_rows: Rows) -> None:
    return None


def _one(test: Examined) -> dict[str, Measure]:
    truth, said = test.truth, test.predictions
    if said.shape[1] != 2:
        return {
            "auc": lambda i: classification.mean_auc(truth[i], said[i]),
            "average_precision": lambda i: classification.mean_average_precision(truth[i], said[i]),
            "f1": lambda i: classification.macro_f1(truth[i], said[i]),
            **_of_probabilities(test),
        }
    is_positive = truth == 1
    called = said[:, 1] >= (test.thresholds[0] if test.thresholds else 0.5)
    count = ranked.counter(is_positive, said[:, 1])
    return {
        "auc": lambda i: ranked.auc(count(i)),
        "average_precision": lambda i: ranked.average_precision(count(i)),
        "f1": lambda i: classification.f1(is_positive[i], called[i]),
        "sensitivity": lambda i: classification.sensitivity(truth[i], called[i]),
        "specificity": lambda i: classification.specificity(truth[i], called[i]),
        **_sensitivities(count),
        **_of_probabilities(test),
    }


def _sensitivities(count: Callable[[Rows], ranked.Counts]) -> dict[str, Measure]:
    """At each specificity that a screening or a confirming test may need."""

    def at(percent: int) -> Measure:
        return lambda i: ranked.sensitivity_at_specificity(count(i), percent / 100)

    return {named_sensitivity(percent): at(percent) for percent in SPECIFICITIES}


def _of_probabilities(test: Examined) -> dict[str, Measure]:
    truth, said = test.truth, test.predictions
    return {
        "accuracy": lambda i: classification.accuracy(truth[i], said[i]),
        "calibration_error": lambda i: classification.calibration_error(truth[i], said[i]),
        "brier": lambda i: classification.brier(truth[i], said[i]),
    }


def _ordinal(test: Examined) -> dict[str, Measure]:
    """The answer is the likeliest grade, as readers are shown it."""
    truth, answer, grades = (
        test.truth, test.predictions.argmax(axis=1), test.predictions.shape[1],
    )  # fmt: skip
    return {
        "quadratic_kappa": lambda i: values.quadratic_kappa(truth[i], answer[i], grades),
        "mean_absolute_error": lambda i: values.mean_absolute_error(
            truth[i].astype(np.float64), answer[i].astype(np.float64)
        ),
        **_of_probabilities(test),
    }


def _many(test: Examined) -> dict[str, Measure]:
    """Means over the findings; of each, the cases in which it was looked for."""
    labels = [_label_measures(test, label) for label in range(test.predictions.shape[1])]
    return {
        mean: partial(_mean_of, [of_label[name] for of_label in labels])
        for name, mean in MEANS_OF_LABELS.items()
    } | {"calibration_error": lambda i: classification.calibration_error(*_pooled(test, i))}


def _label_measures(test: Examined, label: int) -> dict[str, Measure]:
    truth, scores = test.truth[:, label], test.predictions[:, label]
    is_known, is_positive = np.isfinite(truth), truth == 1
    called = scores >= (test.thresholds[label] if test.thresholds else 0.5)
    count = ranked.counter(is_positive, scores)

    def counts(rows: Rows) -> ranked.Counts:
        return count(rows[is_known[rows]])

    return {
        "auc": lambda i: ranked.auc(counts(i)),
        "average_precision": lambda i: ranked.average_precision(counts(i)),
        "f1": lambda i: classification.f1(is_positive[i], called[i] & is_known[i]),
        **_sensitivities(counts),
    }


def _pooled(test: Examined, rows: Rows) -> tuple[NDArray[np.int64], Floats]:
    """Every finding of every case as one question of two answers."""
    truth, scores = test.truth[rows].ravel(), test.predictions[rows].ravel()
    is_known = np.isfinite(truth)
    return truth[is_known].astype(np.int64), np.stack([1 - scores, scores], axis=1)[is_known]


def _number(test: Examined) -> dict[str, Measure]:
    truth, answer = test.truth.astype(np.float64), test.predictions[:, 0]
    return {
        "mean_absolute_error": lambda i: values.mean_absolute_error(truth[i], answer[i]),
        "root_mean_square_error": lambda i: values.root_mean_square_error(truth[i], answer[i]),
        "r2": lambda i: values.r2(truth[i], answer[i]),
        "spearman": lambda i: values.spearman(truth[i], answer[i]),
    }


def _time_to_event(test: Examined) -> dict[str, Measure]:
    times, has_event = test.truth[:, 0].astype(np.float64), test.truth[:, 1] == 1
    risks = test.predictions[:, 0]
    if len(test) > ALL_PAIRS_UP_TO:
        return {"c_index": lambda i: values.concordance(times[i], has_event[i], risks[i])}
    pairs = values.Pairs.of(times, has_event, risks)
    return {"c_index": pairs.concordance}


def _segmentation(test: Examined) -> dict[str, Measure]:
    structures = test.predictions.shape[1] // 2
    dice, hd95_mm = test.predictions[:, :structures], test.predictions[:, structures:]
    return {
        "mean_dice": lambda i: mean_of_means(dice[i]),
        "mean_hd95_mm": lambda i: mean_of_means(hd95_mm[i]),
    }


def boxes_of(test: Examined) -> BoxFigures:
    """The matches of a test set of boxes."""
    return BoxFigures.of(test.truth, test.predictions, test.overlaps, test.classes)


_MEASURES: dict[str, Callable[[Examined], dict[str, Measure]]] = {
    "one": _one, "ordinal": _ordinal, "many": _many, "number": _number,
    "time_to_event": _time_to_event, "segmentation": _segmentation,
    "boxes": lambda test: boxes_of(test).measures(),
}  # fmt: skip


def _described(test: Examined, rng: np.random.Generator) -> dict[str, Any]:
    """What belongs to one kind alone: counts, thresholds, the reliability plot, each label."""
    if test.kind in ("one", "ordinal"):
        found: dict[str, Any] = {
            "per_class": np.bincount(test.truth, minlength=test.predictions.shape[1]).tolist()
        }
        if test.is_finite:
            found["reliability"] = classification.reliability(test.truth, test.predictions)
        if test.thresholds:
            found["threshold"] = test.thresholds[0]
        return found
    if test.kind == "many":
        return {
            "reliability": classification.reliability(*_pooled(test, np.arange(len(test))))
            if test.is_finite
            else [],
            "labels": [_label_figures(test, label, rng) for label in range(len(test.classes))],
        }
    if test.kind == "time_to_event":
        return {"events": int((test.truth[:, 1] == 1).sum()) if len(test) else 0}
    if test.kind == "segmentation":
        return {"labels": [_structure(test, n, rng) for n in range(len(test.classes))]}
    if test.kind == "boxes":
        boxes = boxes_of(test)
        return {
            "overlaps": list(test.overlaps),
            "labels": boxes.labels(test.patients, rng),
            "froc_curve": boxes.froc_curve(test.patients, rng),
        }
    return {}


def _label_figures(test: Examined, label: int, rng: np.random.Generator) -> dict[str, Any]:
    measures = _label_measures(test, label) if test.is_finite else {}
    found = bootstrap_all(measures, test.patients, rng)
    is_known = np.isfinite(test.truth[:, label])
    truth, patients = test.truth[is_known, label], np.asarray(test.patients, str)[is_known]
    of_label = partial(Support.of, "one", truth, np.zeros((len(truth), 2)), patients)
    return {
        "name": test.classes[label],
        "positives": int((truth == 1).sum()),
        "negatives": int((truth == 0).sum()),
        **as_json(found, of_label, errors=SMALLER_IS_BETTER),
    }


def _structure(test: Examined, place: int, rng: np.random.Generator) -> dict[str, Any]:
    """One structure: its figures over the cases that have one; how many show it, and miss or invent it."""
    dice = test.predictions[:, place]
    hd95_mm = test.predictions[:, len(test.classes) + place]
    measures: dict[str, Measure] = {
        "dice": lambda i: _mean_known(dice[i]),
        "hd95_mm": lambda i: _mean_known(hd95_mm[i]),
    }
    found = bootstrap_all(measures, test.patients, rng)
    return {
        "name": test.classes[place],
        "positives": int(drawn(test.truth, test.predictions)[:, place].sum()),
        # Without a distance, but not because the pixels' size is unknown
        "missed": int(((dice == 0) & ~np.isfinite(hd95_mm)).sum()),
        **{name: asdict(estimate) for name, estimate in found.items()},
    }


def _why_absent(test: Examined) -> str:
    """Why not every figure could be taken, as a word that the screens translate."""
    if len(test) == 0:
        return "no_cases"
    if not test.is_finite:
        return "not_finite"
    return {
        "number": "no_spread", "time_to_event": "no_event", "segmentation": "nothing_drawn",
        "boxes": "nothing_drawn",
    }.get(test.kind, "one_answer")  # fmt: skip


def _mean_of(measures: Sequence[Measure], rows: Rows) -> float | None:
    known = [value for measure in measures if (value := measure(rows)) is not None]
    return float(np.mean(known)) if known else None


def _mean_known(column: Floats) -> float | None:
    known = column[np.isfinite(column)]
    return float(known.mean()) if len(known) else None


def mean_of_means(columns: Floats) -> float | None:
    """The mean over the structures of each one's mean over the cases that have one."""
    known = [mean for column in columns.T if (mean := _mean_known(column)) is not None]
    return float(np.mean(known)) if known else None
