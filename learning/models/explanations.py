"""Why a model answers as it does, as a map over the images of a case: made once, kept for a while."""

from django.db import models

from annotation.core.jobs import Job
from annotation.labeling.models import Case
from learning import explainable
from learning.models.versions import ModelVersion


class Method(models.TextChoices):
    GRAD_CAM = explainable.GRAD_CAM
    OCCLUSION = explainable.OCCLUSION
    ATTENTION_ROLLOUT = explainable.ATTENTION_ROLLOUT
    UNCERTAINTY = explainable.UNCERTAINTY


class Explanation(Job):
    """One map of one model version over one case. May be deleted: it can be made again."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="explanations"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="explanations")
    method = models.CharField(max_length=20, choices=Method)
    answer = models.CharField(max_length=80, blank=True)  # what it speaks for; empty: all of them
    # Where the map lies: {"series_instance_uid", "frames": [[uid, number]], "box"} (training.placing)
    place = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64, blank=True)  # of the bytes, empty until it is made
    size_bytes = models.BigIntegerField(default=0)
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model_version", "case", "method", "answer"], name="explanation_unique"
            )
        ]
        indexes = [models.Index(fields=["used_at"], name="explanation_by_use")]

    def __str__(self) -> str:
        return f"{self.method} of {self.case_id} by {self.model_version_id}"
