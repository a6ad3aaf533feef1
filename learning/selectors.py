"""Reads of the learning engine."""

from typing import Any

from django.db.models import QuerySet

from annotation.core.jobs import JobState
from annotation.datasets.models import Dataset
from annotation.labeling import access
from annotation.labeling.selectors import addresses_in
from learning.kinds import figure_of
from learning.models import (
    CrossValidation,
    EncoderKind,
    EncoderVersion,
    ModelVersion,
    Round,
    Target,
)

PREDICTED = """
SELECT content FROM learning_prediction
UNION ALL SELECT jsonb_path_query(found, '$[*].content') FROM learning_shard
"""


def targets_visible_to(user: Any) -> QuerySet[Target]:
    """Models and their figures are for reviewers and managers: annotators read blind."""
    projects = access.projects_supervised_by(user)
    return Target.objects.filter(project__in=projects)


def rounds_visible_to(user: Any) -> QuerySet[Round]:
    return Round.objects.filter(target__in=targets_visible_to(user)).select_related(
        "target__project", "dataset"
    )


def model_versions_visible_to(user: Any) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(target__in=targets_visible_to(user)).select_related(
        "target__project", "round"
    )


def encoders_visible_to(user: Any) -> QuerySet[EncoderVersion]:
    """What makes vectors of the cases of projects that the user supervises."""
    found = EncoderVersion.objects.exclude(kind=EncoderKind.PRETRAINED).defer("content")
    return found.filter(project__in=access.projects_supervised_by(user)).select_related("project")


def pretrainings_visible_to(user: Any) -> QuerySet[EncoderVersion]:
    """Networks that were pre-trained without labels, of targets that the user supervises."""
    return EncoderVersion.objects.filter(
        kind=EncoderKind.PRETRAINED, target__in=targets_visible_to(user)
    ).select_related("target__project")


def cross_validations_visible_to(user: Any) -> QuerySet[CrossValidation]:
    return CrossValidation.objects.filter(target__in=targets_visible_to(user)).select_related(
        "target__project", "dataset"
    )


def predicted_mask_addresses() -> set[str]:
    """The SHA-256 of every mask that a model has drawn, suggested by now or not."""
    return addresses_in(PREDICTED)


def learning_curve(target: Target) -> list[dict[str, Any]]:
    """The kind's test figure with its interval over the training labels, one point per round."""
    figure = figure_of(target.kind, target.input)
    rounds = target.rounds.filter(state=JobState.COMPLETED).order_by("number")
    return [
        {
            "round": r.number,
            "strategy": r.strategy,
            "training_labels": r.training_labels,
            "figure": figure,
            **(r.metrics.get(figure) or {"value": None, "low": None, "high": None}),
        }
        for r in rounds
    ]


def find_rounds_of(dataset: Dataset) -> QuerySet[Round]:
    """What was trained on the dataset, oldest first."""
    found = Round.objects.filter(dataset=dataset)
    return found.select_related("target", "model_version").order_by("created_at", "pk")


def find_cross_validations_of(dataset: Dataset) -> QuerySet[CrossValidation]:
    """Which recipes were measured inside the dataset, oldest first."""
    found = CrossValidation.objects.filter(dataset=dataset)
    return found.select_related("target").order_by("created_at", "pk")
