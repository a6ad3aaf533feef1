"""What a model version is, what it learned from, how good it is and for whom not: to hand on with it.

After Mitchell et al. (2019), Model cards for model reporting. No patient, study or reader is named.
"""

import math
from dataclasses import asdict
from typing import Any

from learning.models import ModelVersion
from learning.services.lineage import lineage_of
from learning.services.subgroups import MIN_PATIENTS, Report, subgroups_of
from learning.services.test_results import NotTested
from learning.training.metrics.intervals import LEAST_OF_RAREST

FORMAT = "firstread-model-card/1"
USE = (
    "Orders the cases of the project named here and suggests answers to its readers. It is no medical "
    "device: nobody has examined it for diagnosis, or on patients of other places."
)
FEW_PATIENTS = 100
CALIBRATION = 0.1
NOT_FIGURES = frozenset(
    {
        "excluded",
        "excluded_count",
        "excluded_reasons",
        "device",
        "memory",
        "reliability",
        "unlabeled",
        "unlearned",
    }
)


def model_card(version: ModelVersion) -> dict[str, Any]:
    """The card as JSON values."""
    report = _report(version)
    lineage = asdict(lineage_of(version))
    metrics = version.metrics
    card: dict[str, Any] = _plain(
        {
            "format": FORMAT,
            "model": {
                "id": str(version.pk),
                "number": version.number,
                "state": version.state,
                "weights_sha256": version.weights_sha256,
                "created_at": version.created_at,
            },
            "project": version.target.project.name,
            "learns": {
                "question": version.target.name,
                "kind": metrics.get("kind", ""),
                "classes": version.classes,
                "columns": lineage["columns"],
            },
            "use": USE,
            "learned_from": lineage["dataset"],
            "training": lineage["round"],
            "unlabeled": metrics.get("unlabeled"),
            "origin": version.origin,
            "figures": {
                **{k: v for k, v in metrics.items() if k not in NOT_FIGURES},
                "thresholds": version.thresholds,
            },
            "reliability": metrics.get("reliability", []),
            "against_production": version.evidence,
            "subgroups": asdict(report) if report else None,
            "limits": _limits(version, report),
        }
    )
    return card


def _report(version: ModelVersion) -> Report | None:
    try:
        return subgroups_of(version)
    except NotTested:
        return None


def _limits(version: ModelVersion, report: Report | None) -> list[str]:
    """What a reader of the figures must know, in sentences."""
    metrics = version.metrics
    name = metrics.get("metric", {}).get("name", "auc")
    found = [
        *_limits_of_test(metrics, name, is_imported=version.round is None),
        *_limits_of_groups(report),
    ]
    excluded = metrics.get("excluded_count", 0)
    if excluded:
        found.append(f"{excluded} cases had no usable image, value or label and are in no figure.")
    if metrics.get("unlearned"):
        found.append(
            f"It has not learned {', '.join(metrics['unlearned'])}: too few cases with or without it were "
            "labeled. It suggests none of it."
        )
    found.append("What counts as true is what the readers of this project agreed on.")
    found.append(_whose_patients(version))
    return found


def _whose_patients(version: ModelVersion) -> str:
    if version.round is None:
        return "Nothing is known here of the patients that it learned from."
    began = version.round.started_from
    if began:
        return (
            f"All labels come from patients of this project; it began with the weights of {began['name']}, "
            "of whose patients nothing is told here."
        )
    return "All patients come from this project: nothing is known of others."


def _limits_of_test(metrics: dict[str, Any], name: str, *, is_imported: bool) -> list[str]:
    patients = metrics.get("patients", 0)
    if is_imported:
        return ["It has not been tested here: it was imported."]
    if not metrics.get("n"):
        return ["It has not been tested: no test patient had been labeled when it was trained."]
    found = []
    if (metrics.get(name) or {}).get("value") is None:
        found.append(f"The figure that decides, {name}, could not be taken of its test cases.")
    if patients < FEW_PATIENTS:
        found.append(
            f"The figures rest on {patients} test patients: the intervals are wide, and with fewer "
            "than about thirty they are too narrow."
        )
    rests_on = metrics.get("rests_on", patients)
    if rests_on < LEAST_OF_RAREST <= patients:
        found.append(
            f"Of the test patients only {rests_on} have the rarest answer, structure or event: the "
            f"interval of {name} is too narrow."
        )
    error = (metrics.get("calibration_error") or {}).get("value")
    if error is not None and error > CALIBRATION:
        found.append(f"Its probabilities are off by {100 * error:.0f} points on average.")
    return found


def _limits_of_groups(report: Report | None) -> list[str]:
    if report is None:
        return ["Nothing is known of subgroups."]
    found = [
        f"It is worse for {g.group.attribute} {g.group.value}: {report.figure} "
        f"{g.group.estimate.value:.3f}, {abs(g.group.gap.value or 0):.3f} from the others."
        for g in report.groups
        if g.is_worse
    ]
    for hidden in report.hidden:
        if hidden.groups:
            found.append(
                f"Nothing is told of groups by {hidden.attribute} with fewer than {MIN_PATIENTS} "
                f"test patients: {hidden.groups}."
            )
        if hidden.unknown == report.n and report.n:
            found.append(f"The headers of its test cases do not tell the {hidden.attribute}.")
    return found


def _plain(value: Any) -> Any:
    """Dates as text; NaN has no place in JSON."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value
