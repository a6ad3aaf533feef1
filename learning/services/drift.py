"""Whether what arrives is still like what a model version was trained and measured on.

Inputs: the vectors of cases that arrived after its labels were frozen, by scanner and month, against those
that were there before, labeled or not. Outputs: its predictions of held-out cases, which no model chose, by
month of arrival, against those of its test cases; of drawings how much and how many. Months are those of
arrival: de-identified studies may carry shifted dates. Samples are enough: the cost does not grow with the
archive.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.labeling.models import Case
from learning.models import ModelVersion
from learning.services import embeddings
from learning.services.attributes import NAMED, values_by_attribute
from learning.services.test_results import NotTested, Results, results_of
from learning.training.metrics.drift import (
    LEVEL,
    PERMUTATIONS,
    PERMUTATIONS_PER_TEST,
    Drift,
    embedding_drift,
    output_drift,
    stability_index,
)
from learning.training.metrics.figures import HOLED
from learning.training.metrics.subgroups import holm

QUANTITIES = ("probability", "number", "share", "count", "score")
SEED = 0  # the same cases shall give the same answer at every look
MONTHS = 12  # the latest that are looked at
SCANNERS = 5  # the most frequent; the others are taken together
LEAST = 20  # cases a side
SAMPLE_OF_REFERENCE, SAMPLE_OF_MONTH = 3000, 1000  # cases whose scanner is looked up
AT_MOST = 200  # vectors a side: their permutations see all their pairs
Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
Arrived = tuple[UUID, datetime]


@dataclass(frozen=True)
class InputDrift:
    """Images of one scanner that arrived in one month."""

    scanner: str | None  # None: all others, and those whose header does not tell
    month: str  # 2026-11
    count: int  # cases compared
    is_known_scanner: bool  # compared with its own earlier images, else with everybody's
    drift: Drift | None  # None where there are fewer than LEAST
    is_real: bool


@dataclass(frozen=True)
class OutputDrift:
    """One output of the model for held-out cases that arrived in one month."""

    output: str  # the answer or structure that it is of; empty for a number
    quantity: str  # of QUANTITIES: a share of the image of masks, count and best score of boxes
    month: str
    count: int
    drift: Drift | None
    stability_index: float | None  # above 0.1 some, above 0.25 much
    is_real: bool


@dataclass(frozen=True)
class DriftReport:
    """Both kinds; `is_real` after Holm's correction over all of a kind."""

    since: datetime  # when the version's labels were frozen
    encoder: int | None  # number of the encoder whose vectors were compared; None without one
    reference: int  # cases whose vectors stand for what was there before
    tested: int  # test cases whose predictions stand for what the model was measured on
    inputs: list[InputDrift]
    outputs: list[OutputDrift]


D = TypeVar("D", InputDrift, OutputDrift)


def drift_of(version: ModelVersion) -> DriftReport:
    """The drift of a version, seen from its training to now."""
    source = (version.round.dataset or version.round) if version.round else version
    since = source.created_at
    encoder = embeddings.ready_encoder(version.target.project)
    before, after = _arrivals(version, since)
    inputs: list[InputDrift] = []
    if encoder is not None and after:
        cases = [*before, *(case for month in after.values() for case in month)]
        scanner_of = dict(
            zip(cases, values_by_attribute(cases, [NAMED["scanner"]])["scanner"], strict=True)
        )
        space = embeddings.load_part(encoder, cases)
        vector_of = dict(zip(space.cases, space.vectors, strict=True))
        inputs = _input_drift(before, after, scanner_of, vector_of)
    tested, outputs = _output_drift(version)
    return DriftReport(
        since=since,
        encoder=encoder.number if encoder else None,
        reference=len(before),
        tested=tested,
        inputs=inputs,
        outputs=outputs,
    )


def _arrivals(version: ModelVersion, since: datetime) -> tuple[list[UUID], dict[str, list[UUID]]]:
    """Samples of the project's cases from before, and of each of the latest months after."""
    cases = Case.objects.filter(project=version.target.project_id).order_by("shuffle_key")
    before = list(
        cases.filter(created_at__lte=since).values_list("pk", flat=True)[:SAMPLE_OF_REFERENCE]
    )
    later = cases.filter(created_at__gt=since).values_list("pk", "created_at")
    return before, _by_month(later.iterator(chunk_size=20_000), SAMPLE_OF_MONTH)


def _by_month(arrived: Iterable[Arrived], at_most: int) -> dict[str, list[UUID]]:
    """The first so many of each month, for the latest months in their order."""
    found: dict[str, list[UUID]] = defaultdict(list)
    for case, moment in arrived:
        month = found[f"{moment:%Y-%m}"]
        if len(month) < at_most:
            month.append(case)
    return {month: found[month] for month in sorted(found)[-MONTHS:]}


def _input_drift(
    before: Sequence[UUID], after: Mapping[str, Sequence[UUID]],
    scanner_of: Mapping[UUID, str | None], vector_of: Mapping[UUID, Vectors],
) -> list[InputDrift]:  # fmt: skip
    named = _most_frequent(scanner_of[case] for month in after.values() for case in month)

    def vectors(cases: Iterable[UUID], scanner: str | None, is_any: bool = False) -> Vectors:
        chosen = [
            vector_of[case]
            for case in cases
            if case in vector_of and (is_any or _named(scanner_of[case], named) == scanner)
        ]
        return np.asarray(chosen[:AT_MOST], np.float32)

    everybody = vectors(before, None, is_any=True)
    wanted = [(s, m) for s in [*sorted(named), None] for m in after]
    permutations = max(PERMUTATIONS, PERMUTATIONS_PER_TEST * len(wanted))
    rng = np.random.default_rng(SEED)
    found = []
    for scanner, month in wanted:
        own, now = vectors(before, scanner), vectors(after[month], scanner)
        is_known = len(own) >= LEAST
        reference = own if is_known else everybody
        if len(now):
            drift = _compared(reference, now, rng, permutations)
            found.append(InputDrift(scanner, month, len(now), is_known, drift, False))
    return _corrected(found)


def _most_frequent(scanners: Iterable[str | None]) -> set[str]:
    counts = Counter(name for name in scanners if name is not None)
    return {name for name, _ in counts.most_common(SCANNERS)}


def _named(scanner: str | None, named: set[str]) -> str | None:
    return scanner if scanner in named else None


def _compared(
    reference: Vectors, now: Vectors, rng: np.random.Generator, permutations: int
) -> Drift | None:
    if min(len(reference), len(now)) < LEAST:
        return None
    return embedding_drift(reference, now, rng, permutations)


def _output_drift(version: ModelVersion) -> tuple[int, list[OutputDrift]]:
    """How many test cases there are, and every output in every month against them."""
    try:
        results = results_of(version)
    except NotTested:
        return 0, []
    held_out = version.predictions.filter(score__isnull=True).order_by("case__shuffle_key")
    rows = held_out.values_list("case_id", "values", "case__created_at")
    said = {case: values for case, values, _ in rows}
    months = _by_month(((case, moment) for case, _, moment in rows), SAMPLE_OF_MONTH)
    reference = _reference(results)
    if len(reference) < LEAST or not np.isfinite(reference).all():
        return len(results.cases), []
    found = []
    for column, (name, quantity) in _outputs(results.examined.kind, version.classes).items():
        for month, cases in months.items():
            now = [said[case][column] for case in cases if len(said[case]) > column]
            found.append(_output(name, quantity, month, reference[:, column], np.asarray(now)))
    return len(results.cases), _corrected(found)


def _reference(results: Results) -> Floats:
    """(n, values) what was said of the test cases, as predictions hold it.

    None of drawings whose model was tested before that was kept.
    """
    if results.examined.kind in HOLED:
        return np.asarray(results.said, np.float64)
    return results.examined.predictions


def _outputs(kind: str, classes: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Name and quantity by column: of two classes the second says it all."""
    if kind == "segmentation":
        return {n: (name, "share") for n, name in enumerate(classes)}
    if kind == "boxes":
        named = [(name, quantity) for quantity in ("count", "score") for name in classes]
        return dict(enumerate(named))
    if kind == "one" and len(classes) == 2:
        return {1: (classes[1], "probability")}
    return {n: (name, "probability") for n, name in enumerate(classes)} or {0: ("", "number")}


def _output(name: str, quantity: str, month: str, reference: Floats, now: Floats) -> OutputDrift:
    if len(now) < LEAST:
        return OutputDrift(name, quantity, month, len(now), None, None, False)
    index, drift = stability_index(reference, now), output_drift(reference, now)
    return OutputDrift(name, quantity, month, len(now), drift, index, False)


def _corrected(found: list[D]) -> list[D]:
    """With what is more than chance over all of them together."""
    corrected = holm([one.drift.p if one.drift else None for one in found])
    return [
        replace(one, is_real=p is not None and p < LEVEL)
        for one, p in zip(found, corrected, strict=True)
    ]
