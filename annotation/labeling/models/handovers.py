"""Cases that a manager gave to a certain reader."""

from django.conf import settings
from django.db import models

from annotation.core.models import BaseModel
from annotation.labeling.models.cases import Case


class Handover(BaseModel):
    """A case that is served to this reader first; one slot of it is kept for them until then."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="handovers")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="handovers"
    )

    has_opened_slot = models.BooleanField(
        default=False
    )  # no slot was free: one more reader than asked for

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "reader"], name="handover_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} for {self.reader_id}"
