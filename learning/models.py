"""Targets, rounds, model versions and predictions."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotation.core.jobs import Job
from annotation.core.models import BaseModel
from annotation.datasets.models import Dataset
from annotation.labeling.models import Case, Project


class Target(BaseModel):
    """What a model learns: one question of a project's schema with exactly one answer."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="targets")
    question = models.CharField(max_length=40)
    strategy = models.CharField(max_length=40, default="margin")
    retrain_after = models.PositiveIntegerField(default=25)  # newly accepted reads; 0 = by hand
    config = models.JSONField(default=dict, blank=True)  # overrides of training.config.TrainConfig

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "question"], name="target_unique_question")
        ]

    def __str__(self) -> str:
        return f"{self.question} of {self.project_id}"


class Trigger(models.TextChoices):
    POLICY = "policy"
    MANUAL = "manual"


class Round(Job):
    """Freeze, train, evaluate, predict the pool, rank, publish: one claimed row."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    trigger = models.CharField(max_length=8, choices=Trigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    strategy = models.CharField(max_length=40)
    seed = models.BigIntegerField()
    config = models.JSONField()
    code_revision = models.CharField(max_length=64)
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="rounds")
    training_labels = models.PositiveIntegerField(null=True)
    curves = models.JSONField(default=list)  # one entry per epoch
    metrics = models.JSONField(default=dict)
    ranked_cases = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "number"], name="round_number_unique"),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state__in=["pending", "running"]),
                name="round_one_unfinished_per_target",
            ),
        ]

    def __str__(self) -> str:
        return f"round {self.number} of {self.target_id}"


class ModelVersionState(models.TextChoices):
    CANDIDATE = "candidate"
    PRODUCTION = "production"
    RETIRED = "retired"


class ModelVersion(BaseModel):
    """The network that a round trained; weights lie under their SHA-256 as safetensors."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="model_versions")
    round = models.OneToOneField(Round, on_delete=models.PROTECT, related_name="model_version")
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=10, choices=ModelVersionState, default=ModelVersionState.CANDIDATE
    )
    weights_sha256 = models.CharField(max_length=64)
    classes = ArrayField(models.CharField(max_length=40))
    threshold = models.FloatField(null=True)  # of the positive class, chosen on validation

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "number"], name="model_number_unique"),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state="production"),
                name="model_one_in_production",
            ),
        ]

    def __str__(self) -> str:
        return f"model {self.number} of {self.target_id}"


class Prediction(models.Model):
    """What one model version says of one case, and the score that ranked it."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="predictions"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="predictions")
    probabilities = ArrayField(models.FloatField())
    score = models.FloatField(null=True)  # higher = label first; None outside the pool

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "case"], name="prediction_unique")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} by {self.model_version_id}"
