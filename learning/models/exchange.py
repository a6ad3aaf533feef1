"""Models that leave and arrive as bundles, and cross-validations."""

from django.conf import settings
from django.db import models

from annotation.core.jobs import Job, ResumableJob
from annotation.datasets.models import Dataset
from learning.models.rounds import Target
from learning.models.versions import ModelVersion


class BundleExport(Job):
    """A model version as one ZIP file, made by a worker."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="bundle_exports"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    size_bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model_version"],
                condition=models.Q(state__in=["pending", "running", "completed"]),
                name="bundle_export_one_per_version",
            )
        ]

    def __str__(self) -> str:
        return f"bundle of {self.model_version_id}"


class BundleImport(Job):
    """A bundle that was sent in, until it is a model version or is refused with a reason."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="bundle_imports")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    model_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return f"bundle {self.sha256[:12]} for {self.target_id}"


class CrossValidation(ResumableJob):
    """A target's recipe trained k times, each time measured on patients that it was not trained on.

    Inside the training and validation patients of a frozen dataset: the test set stays untouched.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="cross_validations")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    fold_count = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    config = models.JSONField()
    input = models.JSONField(default=dict)  # as the target had it
    # Who follows whom of the patients who look alike, as the folds divide them; None until it runs
    leaders = models.JSONField(null=True)  # {pseudonym: that of the first of its group}
    folds = models.JSONField(default=list)  # figures of each fold that is done, in their order
    metrics = models.JSONField(default=dict)  # {figure: {value, low, high}} over the folds
    left_out = models.JSONField(default=dict)  # exclusions.summary_of
    tracked = models.JSONField(default=dict)  # as of a round

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state__in=["pending", "running"]),
                name="cross_validation_one_unfinished_per_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fold_count} folds of {self.target_id}"
