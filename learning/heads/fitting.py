"""Fits a head to labels: warm start, class weights, calibration out of fold, bootstrap members.

Numbers are a ridge of their own (`numbers`): they need neither a start nor classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from learning.heads import losses, solvers
from learning.heads.head import Head, InvalidHead, Kind
from learning.heads.losses import Doubles
from learning.heads.numbers import STRENGTHS, fit_number
from learning.heads.solvers import Fitted

MIN_TO_CALIBRATE = 20  # patients; below, a temperature or a strength that they choose is noise


@dataclass(frozen=True)
class HeadConfig:
    """The knobs of a head."""

    l2: float = 100.0  # on embeddings of length sqrt(d); chosen on splits of NIH training patients
    strengths: tuple[float, ...] = STRENGTHS  # of numbers: the labels choose one of these for l2
    # 1/sqrt(count): rare answers count. It moves their odds up, which `Head.predict` takes off again.
    class_weights: bool = True
    folds: int = 5  # for the temperature, and numbers of patients with several; 0 leaves them alone
    members: int = 0  # bootstrap members, for BALD and spreads


@dataclass(frozen=True)
class Labels:
    """Checked labels of one kind: class numbers, 0/1/NaN, numbers, or (time, event)."""

    kind: Kind
    values: NDArray[np.generic]
    class_count: int


def fit(
    kind: Kind,
    embeddings: NDArray[np.float32],
    labels: NDArray[np.generic],
    *,
    class_count: int,
    rng: np.random.Generator,
    config: HeadConfig | None = None,
    warm: Head | None = None,
    patients: NDArray[np.str_] | None = None,
) -> Head:
    """A head for labels of n >= 1 cases.

    labels: class numbers (n,) for "one" and "ordinal"; 0, 1 or NaN (n, C) for "many"; (n,) for
    "number"; columns time and event (n, 2) for "time_to_event". `warm` is where to begin; the
    result does not depend on it beyond the solver's tolerance. `patients` (n,) names whose each case
    is: what is said of a patient's case without its label must not rest on another one of theirs.
    None where each is of another patient. Raises InvalidHead.
    """
    chosen = config or HeadConfig()
    checked = _checked(kind, embeddings, labels, class_count)
    centre = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = float(np.sqrt(embeddings.shape[1]))
    points = (embeddings - centre) * np.float32(scale)
    patient_of = _patient_of(patients, len(points))
    if kind == "number":
        return _of_number(checked, points, chosen, rng, centre, scale, patient_of)
    base = _case_weights(checked, chosen)
    folds = _folds(checked, chosen, rng, patient_of)
    weightings = np.stack(
        [base, *(base * (folds != f) for f in range(folds.max() + 1))]
        + [base * _resampled(len(points), rng) for _ in range(chosen.members)]
    )
    found = _solve(
        checked, points, weightings, chosen.l2, _start(checked, points, weightings, warm)
    )
    head_rows = np.r_[0, 1 + folds.max() + 1 : len(weightings)]
    head = Head(
        kind,
        found.weights[head_rows].astype(np.float32),
        found.biases[head_rows].astype(np.float32),
        found.thresholds[head_rows].astype(np.float32),
        centre,
        scale,
        offsets=_offsets(checked, chosen).astype(np.float32),
    )
    return _calibrated(head, checked, points, folds, found)


def _of_number(
    labels: Labels,
    points: NDArray[np.float32],
    config: HeadConfig,
    rng: np.random.Generator,
    centre: NDArray[np.float32],
    scale: float,
    patient_of: NDArray[np.int64],
) -> Head:
    count, patients = len(points), int(patient_of.max()) + 1
    folds = None  # where each case is of another patient, every one is left out by itself
    if 1 < patients < count and config.folds > 1:
        folds = _divided(patient_of, min(config.folds, patients), rng)
    found = fit_number(
        points, labels.values.astype(np.float64),
        config.strengths if patients >= MIN_TO_CALIBRATE else (config.l2,),
        np.reshape([_resampled(count, rng) for _ in range(config.members)], (-1, count)),
        folds,
    )  # fmt: skip
    return Head(
        "number",
        found.weights[:, None, :].astype(np.float32),
        found.biases[:, None].astype(np.float32),
        np.zeros((len(found.biases), 0), np.float32),
        centre,
        scale,
        noise=found.noise,
        level_variance=found.level_variance,
        weight_variance=found.weight_variance,
        narrowed=found.narrowed.astype(np.float32),
    )


def _checked(
    kind: Kind, embeddings: NDArray[np.float32], labels: NDArray[np.generic], class_count: int
) -> Labels:
    if embeddings.ndim != 2 or len(embeddings) == 0:
        raise InvalidHead(f"a head needs embeddings (n >= 1, d), not {embeddings.shape}")
    if not np.isfinite(embeddings).all():
        raise InvalidHead("embeddings must be finite")
    wanted = {"many": (len(embeddings), class_count), "time_to_event": (len(embeddings), 2)}
    if labels.shape != wanted.get(kind, (len(embeddings),)):
        raise InvalidHead(
            f"labels {labels.shape} of kind {kind} do not fit {len(embeddings)} cases"
        )
    if kind in ("one", "ordinal"):
        numbers = labels.astype(np.int64)
        if class_count < 2 or numbers.min() < 0 or numbers.max() >= class_count:
            raise InvalidHead(f"class numbers must lie in 0..{class_count - 1}")
        return Labels(kind, numbers, class_count)
    values = labels.astype(np.float64)
    if kind == "many" and not np.isin(values[np.isfinite(values)], (0, 1)).all():
        raise InvalidHead("independent labels must be 0, 1 or NaN")
    if kind != "many" and not np.isfinite(values).all():
        raise InvalidHead(f"labels of kind {kind} must be finite")
    if kind == "time_to_event" and (
        values[:, 0].min() < 0 or not np.isin(values[:, 1], (0, 1)).all()
    ):
        raise InvalidHead("times must not be negative, and events be 0 or 1")
    return Labels(kind, values, class_count if kind == "many" else 1)


def _case_weights(labels: Labels, config: HeadConfig) -> Doubles:
    if not _is_weighted(labels, config):
        return np.ones(len(labels.values))
    weights = 1 / np.sqrt(_counts(labels))[labels.values.astype(np.int64)]
    return np.asarray(weights * len(weights) / weights.sum())


def _offsets(labels: Labels, config: HeadConfig) -> Doubles:
    """What weights have added to the outputs, with the sign that takes it off; none without weights.

    Cases that count w_c times teach odds w_c times as high, whatever lies in the embeddings: the
    logarithm of w_c is known and need not be fitted (King and Zeng 2001, prior correction).
    """
    if not _is_weighted(labels, config):
        return np.zeros(0)
    return np.asarray(np.log(_counts(labels)) / 2)


def _is_weighted(labels: Labels, config: HeadConfig) -> bool:
    return labels.kind == "one" and config.class_weights


def _counts(labels: Labels) -> NDArray[np.int64]:
    """How many cases each class has, at least 1: (C,)."""
    counts = np.bincount(labels.values.astype(np.int64), minlength=labels.class_count)
    return np.asarray(np.maximum(counts, 1))


def _patient_of(patients: NDArray[np.str_] | None, count: int) -> NDArray[np.int64]:
    """Which patient each case is of, from 0."""
    if patients is None:
        return np.arange(count, dtype=np.int64)
    return np.asarray(np.unique(patients, return_inverse=True)[1], np.int64)


def _folds(
    labels: Labels, config: HeadConfig, rng: np.random.Generator, patient_of: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The fold of each case; all -1 where calibration is off or pointless."""
    is_pointless = patient_of.max() + 1 < MIN_TO_CALIBRATE or labels.kind == "time_to_event"
    if config.folds < 2 or is_pointless:
        return np.full(len(patient_of), -1, np.int64)
    return _divided(patient_of, config.folds, rng)


def _divided(
    patient_of: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The fold of each case, all of a patient's in one."""
    return np.asarray((rng.permutation(patient_of.max() + 1) % folds)[patient_of], np.int64)


def _resampled(count: int, rng: np.random.Generator) -> Doubles:
    """How often a bootstrap sample holds each case."""
    return np.bincount(rng.integers(count, size=count), minlength=count).astype(np.float64)


def _start(
    labels: Labels, points: NDArray[np.float32], weightings: Doubles, warm: Head | None
) -> Fitted:
    fits = len(weightings)
    outputs = 1 if labels.kind == "ordinal" else labels.class_count
    steps = labels.class_count - 1 if labels.kind == "ordinal" else 0
    start = Fitted(
        np.zeros((fits, outputs, points.shape[1])),
        np.zeros((fits, outputs)),
        np.tile(np.linspace(-1, 1, steps), (fits, 1)) if steps else np.zeros((fits, 0)),
    )
    if (
        warm is None
        or warm.kind != labels.kind
        or warm.weights.shape[1:] != start.weights.shape[1:]
    ):
        return start
    return replace(start, weights=np.repeat(warm.weights[:1].astype(np.float64), fits, axis=0))


def _solve(
    labels: Labels, points: NDArray[np.float32], weightings: Doubles, l2: float, start: Fitted
) -> Fitted:
    values = labels.values
    if labels.kind == "time_to_event":
        pairs = values.astype(np.float64)
        return solvers.cox(points, pairs[:, 0], pairs[:, 1], weightings, l2, start.weights[:, 0, :])
    if labels.kind == "many":
        loss = losses.independent(values.astype(np.float64))
    elif labels.kind == "ordinal":
        loss = losses.ordered(values.astype(np.int64))
    else:
        loss = losses.exclusive(values.astype(np.int64))
    return solvers.minimize_loss(points, loss, weightings, l2, start)


def _calibrated(
    head: Head, labels: Labels, points: NDArray[np.float32], folds: NDArray[np.int64], found: Fitted
) -> Head:
    """The temperatures from predictions that no fit has seen the label of."""
    if folds.max() < 0:
        return head
    own = 1 + folds  # the fit that did not see the case
    outputs = np.einsum("nkd,nd->nk", found.weights[own].astype(np.float32), points)
    outputs = outputs.astype(np.float64) + found.biases[own]
    thresholds = found.thresholds[own]
    temperature = _temperature(_held_out_loss(labels, outputs, thresholds))
    if not len(head.offsets):
        return replace(head, temperature=temperature)
    told = _temperature(_held_out_loss(labels, outputs + head.offsets, thresholds))
    return replace(head, temperature=temperature, told_temperature=told)


def _temperature(loss: Callable[[float], float]) -> float:
    best = minimize_scalar(lambda t: loss(np.exp(t)), bounds=(-2.5, 2.5), method="bounded")
    return float(np.exp(best.x))


def _held_out_loss(
    labels: Labels, outputs: Doubles, thresholds: Doubles
) -> Callable[[float], float]:
    """Temperature -> negative log-likelihood."""
    rows = np.arange(len(outputs))
    values = labels.values

    def of_one(t: float) -> float:
        p = losses.softmax(outputs / t)
        return float(-np.log(np.maximum(p[rows, values.astype(np.int64)], 1e-12)).mean())

    def of_many(t: float) -> float:
        z, y = outputs / t, values.astype(np.float64)
        return float(np.nanmean(np.where(np.isfinite(y), np.logaddexp(0, z) - y * z, np.nan)))

    def of_ordinal(t: float) -> float:
        z, steps = outputs[:, :1] / t, thresholds / t
        up_to = np.pad(
            losses.sigmoid(steps - z), ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))
        )
        grade = values.astype(np.int64)
        share = up_to[rows, grade + 1] - up_to[rows, grade]
        return float(-np.log(np.maximum(share, 1e-12)).mean())

    return {"one": of_one, "many": of_many, "ordinal": of_ordinal}[labels.kind]
