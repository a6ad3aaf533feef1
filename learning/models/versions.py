"""Model versions, what they predict, and what they said of test cases."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotation.core.models import BaseModel
from annotation.labeling.models import Case
from learning.models.rounds import Round, Target


class ModelVersionState(models.TextChoices):
    CANDIDATE = "candidate"
    PRODUCTION = "production"
    RETIRED = "retired"


class ModelVersion(BaseModel):
    """A network that a round trained, or that was imported; weights lie under their SHA-256.

    The row describes the network wholly: no setting and no other row is needed to build it again.
    """

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="model_versions")
    round = models.OneToOneField(
        Round, null=True, on_delete=models.PROTECT, related_name="model_version"
    )
    origin = models.CharField(max_length=200, blank=True)  # of an imported one; empty: its round
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=10, choices=ModelVersionState, default=ModelVersionState.CANDIDATE
    )
    weights_sha256 = models.CharField(max_length=64)
    classes = ArrayField(models.CharField(max_length=80))  # empty where it gives a number
    threshold = models.FloatField(null=True)  # of the positive class, chosen on validation
    thresholds = ArrayField(models.FloatField(), default=list)  # of each finding, where many can be
    task = models.JSONField(default=dict)  # training.tasks.Task.as_json, fitted
    architecture = models.JSONField(default=dict)  # training.networks.Architecture.as_json
    evidence = models.JSONField(default=dict)  # services.comparison.Evidence of its time
    config = models.JSONField(default=dict)  # training.config.TrainConfig.as_json
    input = models.JSONField(default=dict)  # InputSpec.as_json; {} = each study's middle image
    columns = models.JSONField(default=dict)  # training.columns.ColumnEncoder.as_json; {} = none
    # Since when the worklist follows it; of a target's versions it follows the latest.
    ordered_at = models.DateTimeField(null=True)
    # In production, but a task has yet to hand its suggestions and its order to the readers.
    is_taking_over = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "number"], name="model_number_unique"),
            models.CheckConstraint(
                condition=models.Q(round__isnull=False) | ~models.Q(origin=""),
                name="model_has_round_or_origin",
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state="production"),
                name="model_one_in_production",
            ),
        ]

    def __str__(self) -> str:
        return f"model {self.number} of {self.target_id}"

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of its round; those of an imported model are not known here."""
        return self.round.metrics if self.round else {}


class Prediction(models.Model):
    """What one model version says of one case, and the score that ranked it.

    `values` are those of the task: a probability per class, a number in its unit, a log risk; of masks the
    share of the image that each structure takes, of boxes how many of each class are likely and then the
    score of each one's surest. What was drawn lies in `content`, as in a read.
    """

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="predictions"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="predictions")
    values = ArrayField(models.FloatField(), default=list)
    content = models.JSONField(default=dict)
    components = models.JSONField(default=dict)  # what the score was made of
    propensity = models.FloatField(null=True)  # of this draw given those before it
    score = models.FloatField(null=True)  # higher = label first; None outside the pool
    reason = models.CharField(max_length=200, blank=True)  # the sentence for the reader
    words = models.JSONField(default=dict)  # the same in no language: acquisition.reasons

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "case"], name="prediction_unique")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} by {self.model_version_id}"


class TestResult(models.Model):
    """What one model version says of one labeled test case, beside what was true when it was tested.

    Every figure of the version can be computed from these, of any part of the test set. What a later round
    measured, beside its own model, is for the comparison of the two alone.
    """

    __test__ = False  # pytest: this is no test
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="test_results"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="test_results")
    patient_key = models.CharField(max_length=16)
    truth = models.JSONField(null=True)  # as the task encodes it; missing values are null
    # As the task predicts; of drawings see metrics.figures.
    values = ArrayField(models.FloatField())
    said = ArrayField(models.FloatField(), default=list)  # of drawings: as Prediction.values
    later_round = models.ForeignKey(Round, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "case"], name="test_result_unique")
        ]

    def __str__(self) -> str:
        return f"test of {self.case_id} by {self.model_version_id}"
