"""What readers note on a case beside their read: skipped, flagged, a second opinion wanted."""

from django.conf import settings
from django.db import models

from annotation.core.models import BaseModel
from annotation.labeling.models.cases import Case


class MarkKind(models.TextChoices):
    FLAG = "flag"  # somebody should look at this
    SECOND_OPINION = "second_opinion"  # one more reader is wanted
    SKIP = "skip"  # not served to this reader again


class Mark(BaseModel):
    """One reader's mark of one kind on one case, and why."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="marks")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="marks"
    )
    kind = models.CharField(max_length=14, choices=MarkKind)
    reason = models.TextField(max_length=1000, blank=True)
    resolved_at = models.DateTimeField(null=True)  # when a manager dealt with it
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "reader", "kind"], name="mark_unique"),
            models.CheckConstraint(
                condition=~models.Q(kind=MarkKind.SKIP) | ~models.Q(reason=""),
                name="mark_skip_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.case_id}"
