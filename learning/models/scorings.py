"""Cases that the production model looks at outside of a round, in parts that any worker can take."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotation.core.jobs import Job
from learning.models.versions import ModelVersion


class Scoring(Job):
    """Some open cases that a version has no prediction of yet: they came later, or it came from elsewhere.

    Its row stays: it tells which cases the version cannot use, so that they are not tried for ever.
    """

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="scorings"
    )
    batch = models.UUIDField()  # the same of all parts of one request
    case_ids = ArrayField(models.UUIDField())
    excluded = models.JSONField(default=dict)  # {case: why it has no prediction}

    class Meta:
        indexes = [models.Index(fields=["model_version", "state"], name="scoring_of_version")]

    def __str__(self) -> str:
        return f"{len(self.case_ids)} cases for {self.model_version_id}"
