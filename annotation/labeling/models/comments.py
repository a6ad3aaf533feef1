"""What members say to one another about a case."""

from django.conf import settings
from django.db import models

from annotation.core.models import BaseModel
from annotation.labeling.models.cases import Case


class Comment(BaseModel):
    """A remark on a case, at a place in an image or at none."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments"
    )
    text = models.TextField(max_length=4000)
    place = models.JSONField(null=True)  # {sop_instance_uid, frame, pixel: [x, y]}
    is_resolved = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["case", "created_at"], name="comment_by_case")]

    def __str__(self) -> str:
        return f"comment {self.pk}"
