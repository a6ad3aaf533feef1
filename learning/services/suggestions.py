"""Hands what the production model predicts to the readers of its project."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from uuid import UUID, uuid5

from annotation.datasets.models import Split
from annotation.datasets.services import policy_of
from annotation.datasets.splitter import Splitter
from annotation.labeling.schemas import Question
from annotation.labeling.services.projects import current_schema
from annotation.labeling.services.suggestions import (
    Offered,
    offer_more_suggestions,
    offer_suggestions,
)
from learning.kinds import learned_classes
from learning.models import ModelVersion, Prediction, TargetKind
from learning.services.naming import name_of_version, origin_of

Json = dict[str, Any]
USUAL = 0.5  # the threshold where validation has chosen none
MOST_REGIONS = 1000  # in one case, the surest first: a read may hold 5,000
AT_ONCE = 100  # predictions in memory: a hundred boxes in a volume are 300 KB
CHOICES = (TargetKind.ONE, TargetKind.ORDINAL)


def suggest_predictions(version: ModelVersion) -> int:
    """Replace the target's suggestions by this version's predictions; returns for how many cases.

    Cases outside the pool are left out: they measure the model, so it must not have a say in
    their labels.
    """
    target = version.target
    return offer_suggestions(
        project=target.project,
        origin=origin_of(target),
        source=name_of_version(version)[:200],
        offered=_offered(version),
    )


def suggest_more(version: ModelVersion, cases: Sequence[UUID]) -> int:
    """Suggest what it says of these cases, beside what it suggests already; returns for how many."""
    target = version.target
    return offer_more_suggestions(
        project=target.project,
        origin=origin_of(target),
        source=name_of_version(version)[:200],
        offered=list(_offered(version, cases)),
    )


def content_of(
    question: str, classes: Sequence[str], probabilities: Sequence[float], threshold: float | None
) -> Json:
    """Probabilities and the answer that follows: by the threshold of evaluation where there are two."""
    likeliest = max(range(len(classes)), key=lambda n: probabilities[n])
    if len(classes) == 2 and threshold is not None:
        likeliest = int(probabilities[1] >= threshold)
    return {
        "answers": {question: classes[likeliest]},
        "probabilities": {question: _shares(classes, probabilities)},
    }


def findings_of(
    question: str,
    classes: Sequence[str],
    probabilities: Sequence[float],
    thresholds: Sequence[float],
    learned: Collection[str],
) -> Json:
    """The findings whose probability reaches their own threshold, in the schema's order.

    Nothing is said of those that are not `learned`, for that would be said by chance.
    """
    limits = thresholds or [USUAL] * len(classes)
    said = {
        n: (p, t) for n, p, t in zip(classes, probabilities, limits, strict=True) if n in learned
    }
    return {
        "answers": {question: [name for name, (p, t) in said.items() if p >= t]},
        "probabilities": {question: _shares(list(said), [p for p, _ in said.values()])},
    }


def number_of(question: Question, value: float) -> Json:
    """The number as a reader could have typed it: within the question's range and decimals."""
    low = question.minimum if question.minimum is not None else value
    high = question.maximum if question.maximum is not None else value
    within = min(max(value, low), high)
    rounded = round(within, question.decimals if question.decimals is not None else 2)
    return {"answers": {question.key: int(rounded) if question.decimals == 0 else rounded}}


def regions_of(content: Json, classes: Sequence[str], thresholds: Sequence[float]) -> Json:
    """The boxes whose score reaches the threshold of their label; of volumes on every frame."""
    limits = dict(zip(classes, thresholds, strict=False))
    kept = [r for r in content.get("regions", []) if r["score"] >= limits.get(r["label"], USUAL)]
    found: list[Json] = []
    for number, region in enumerate(kept, 1):
        drawn = _drawn(region, number)
        if len(found) + len(drawn) <= MOST_REGIONS:
            found += drawn
    return {"regions": found}


def _drawn(region: Json, number: int) -> list[Json]:
    """A detection as a reader could have drawn it: a box in a volume is one on each of its frames.

    These share a name, so that the list of regions shows what belongs together.
    """
    plain = {k: v for k, v in region.items() if k not in ("score", "frames")}
    if "frames" not in region:
        return [plain]
    return [
        {
            **plain, "id": str(uuid5(UUID(region["id"]), f"{uid} {frame}")),
            "name": f"{region['label']} {number}", "sop_instance_uid": uid, "frame": frame,
        }
        for uid, frame in region["frames"]
    ]  # fmt: skip


def _shares(classes: Sequence[str], probabilities: Sequence[float]) -> dict[str, float]:
    return {name: round(p, 4) for name, p in zip(classes, probabilities, strict=True)}


def _offered(version: ModelVersion, cases: Sequence[UUID] | None = None) -> Iterator[Offered]:
    schema = current_schema(version.target.project)
    question = schema.schema.question(version.target.question) if schema else None
    predictions = version.predictions.filter(score__isnull=False)
    if cases is not None:
        predictions = predictions.filter(case__in=cases)
    # A case may have been found to be a copy of a held-out one since the version looked at it.
    splitter = Splitter(policy_of(version.target.project))
    with_patients = predictions.select_related("case__study").defer("case__study__dicom_json")
    for prediction in with_patients.iterator(chunk_size=AT_ONCE):
        if splitter.split(splitter.patient_key(prediction.case)) != Split.TRAIN:
            continue
        content = _content(version, prediction, question)
        if content:
            yield Offered(prediction.case_id, content)


def _content(version: ModelVersion, prediction: Prediction, question: Question | None) -> Json:
    """What is suggested; nothing where the kind has no answer that a reader could take over."""
    kind = version.target.kind
    if kind == TargetKind.BOXES:
        return regions_of(prediction.content, version.classes, version.thresholds)
    if kind == TargetKind.SEGMENTATION:
        return dict(prediction.content)
    found = _answered(version, prediction, question)
    series = prediction.content.get("series_instance_uid")
    return {"scoped": [{"series_instance_uid": series, **found}]} if found and series else found


def _answered(version: ModelVersion, prediction: Prediction, question: Question | None) -> Json:
    kind, key = version.target.kind, version.target.question
    if kind in CHOICES:
        return content_of(key, version.classes, prediction.values, version.threshold)
    if kind == TargetKind.MANY:
        learned = learned_classes(version.task, version.classes)
        return findings_of(key, version.classes, prediction.values, version.thresholds, learned)
    if kind == TargetKind.NUMBER and question is not None:
        return number_of(question, prediction.values[0])
    return {}
