"""What a model would answer for a case."""

from django.db import models
from django.db.models import Q

from annotation.core.models import BaseModel
from annotation.labeling.models.cases import Case


class Suggestion(BaseModel):
    """One opinion on one case; a newer one of the same origin replaces it and both stay on record.

    Reads name the suggestions that they were shown, so none is ever changed or deleted.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="suggestions")
    origin = models.CharField(max_length=64)  # what makes them, over all its versions
    source = models.CharField(max_length=200)  # the model's name and version
    content = models.JSONField()  # like a read's, with probabilities
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "origin"],
                condition=Q(is_current=True),
                name="suggestion_one_current",
            )
        ]

    def __str__(self) -> str:
        return f"suggestion {self.pk}"
