"""Which slices of a case somebody asks to be drawn."""

from django.db import models

from annotation.core.models import BaseModel
from annotation.labeling.models.cases import Case


class AskedSlices(BaseModel):
    """Of one series of a case: a read begun from now on is asked to draw on these alone.

    A read keeps what it was asked (`Annotation.asked`), whatever is asked of the case later.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="asked_slices")
    origin = models.CharField(max_length=64)  # who asks, over all its versions
    layer = models.PositiveSmallIntegerField()
    series_instance_uid = models.CharField(max_length=64)
    # [{"slice": "UID:frame", "arm", "propensity"}]; none: the whole series is to be drawn
    slices = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "origin"], name="asked_slices_one_per_origin")
        ]

    def __str__(self) -> str:
        return f"slices asked of case {self.case_id}"
