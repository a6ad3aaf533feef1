"""What models said of labeled test cases: written once, when a round publishes; read for every figure.

Of the model in production every later round adds the test cases that had no label then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotation.core.errors import Conflict
from learning.models import ModelVersion, Round, TestResult
from learning.training.metrics.box_figures import padded
from learning.training.metrics.figures import DECIDING, Examined

TRUTH_OF = {
    "one": np.int64,
    "ordinal": np.int64,
    "boxes": np.int64,
}  # all others hold numbers with NaN


class NotTested(Conflict):
    """The version's round kept no results that figures could be made of."""

    code = "not_tested"


@dataclass(frozen=True)
class Results:
    """Test cases and what was found of them, in the same order.

    `said`: of drawings the numbers that a `Prediction` of the case would hold; else empty.
    """

    cases: Sequence[UUID]
    examined: Examined
    said: Sequence[Sequence[float]] = ()

    def labeled(self) -> "Results":
        """Those with an answer."""
        rows = self.examined.labeled_rows()
        said = [self.said[int(row)] for row in rows] if self.said else ()
        return Results([self.cases[int(row)] for row in rows], self.examined.labeled(), said)


def keep(*, version: ModelVersion, results: Results, later_round: Round | None = None) -> None:
    """Write the version's results: inside the transaction that publishes it, or what a later round measured.

    What is there stays as it is.
    """
    examined = results.examined
    TestResult.objects.bulk_create(
        (
            TestResult(
                model_version=version, case_id=case, patient_key=patient, truth=_as_json(truth),
                values=_as_row(examined.kind, values), said=list(said), later_round=later_round,
            )
            for case, patient, truth, values, said in zip(
                results.cases, examined.patients, examined.truth, examined.predictions,
                results.said or [()] * len(results.cases), strict=True,
            )
        ),
        batch_size=2000, ignore_conflicts=later_round is not None,
    )  # fmt: skip


def results_of(version: ModelVersion, *, with_later: bool = False) -> Results:
    """The version's results, ordered by case, of its own round or of later ones too.

    Raises NotTested where its round has no kind of figures.
    """
    metrics = version.metrics
    kind = metrics.get("kind")
    if kind not in DECIDING:
        raise NotTested("This model was trained before test results were kept, or has none.")
    kept = (
        version.test_results.all() if with_later else version.test_results.filter(later_round=None)
    )
    rows = list(
        kept.order_by("case_id").values_list("case_id", "patient_key", "truth", "values", "said")
    )
    return Results(
        [case for case, *_ in rows],
        Examined(
            kind=kind,
            truth=_as_truth(kind, [row[2] for row in rows], len(version.classes)),
            predictions=_as_predictions(kind, [row[3] for row in rows], len(version.classes)),
            patients=[row[1] for row in rows],
            classes=tuple(version.classes),
            thresholds=tuple(metrics.get("thresholds") or ()),
            overlaps=tuple(metrics.get("overlaps") or ()),
        ),
        [row[4] for row in rows] if all(row[4] for row in rows) else (),
    )


def _as_json(truth: Any) -> Any:
    """NaN has no place in JSON."""
    value = np.asarray(truth).tolist()
    if isinstance(value, list):
        return [None if math.isnan(one) else one for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _as_row(kind: str, values: NDArray[np.float64]) -> list[float]:
    """Of boxes without the padding: no two cases have as many detections."""
    found: list[float] = (values[np.isfinite(values)] if kind == "boxes" else values).tolist()
    return found


def _as_predictions(
    kind: str, rows: Sequence[Sequence[float]], class_count: int
) -> NDArray[np.float64]:
    if kind == "boxes":
        return padded(rows)
    usual = 2 * class_count if kind == "segmentation" else max(class_count, 1)
    width = len(rows[0]) if rows else usual
    return np.asarray(rows, np.float64).reshape(len(rows), width)


def _as_truth(kind: str, rows: Sequence[Any], class_count: int) -> NDArray[Any]:
    if kind in TRUTH_OF:
        found = np.asarray(rows, TRUTH_OF[kind])
        return found.reshape(len(rows), class_count) if kind == "boxes" else found
    if kind == "segmentation":  # an older release kept one number of each case, which said nothing
        rows = [row if isinstance(row, list) else [None] * class_count for row in rows]
    width = {"many": class_count, "time_to_event": 2, "segmentation": class_count}.get(kind)
    found = np.asarray(rows, np.float64)  # None becomes NaN
    return found.reshape(len(rows), width) if width else found
