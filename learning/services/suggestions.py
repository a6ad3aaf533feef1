"""Hands what the production model predicts to the readers of its project."""

from collections.abc import Iterator, Sequence
from typing import Any

from annotation.labeling.services.suggestions import Offered, offer_suggestions
from learning.models import ModelVersion


def suggest_predictions(version: ModelVersion) -> int:
    """Replace the target's suggestions by this version's predictions; returns for how many cases.

    Cases outside the pool are left out: they measure the model, so it must not have a say in
    their labels.
    """
    target = version.target
    return offer_suggestions(
        project=target.project,
        origin=f"target {target.pk}",
        source=f"{target.question} model {version.number}",
        offered=_offered(version),
    )


def content_of(
    question: str, classes: Sequence[str], probabilities: Sequence[float], threshold: float | None
) -> dict[str, Any]:
    """Probabilities and the answer that follows: by the threshold of evaluation where there are two."""
    likeliest = max(range(len(classes)), key=lambda n: probabilities[n])
    if len(classes) == 2 and threshold is not None:
        likeliest = int(probabilities[1] >= threshold)
    shares = {name: round(p, 4) for name, p in zip(classes, probabilities, strict=True)}
    return {"answers": {question: classes[likeliest]}, "probabilities": {question: shares}}


def _offered(version: ModelVersion) -> Iterator[Offered]:
    predictions = version.predictions.filter(score__isnull=False)
    for case_id, probabilities in predictions.values_list("case_id", "probabilities").iterator():
        content = content_of(
            version.target.question, version.classes, probabilities, version.threshold
        )
        yield Offered(case_id, content)
