"""One reader's read of one case: a draft, and immutable revisions once submitted."""

from django.conf import settings
from django.db import models

from annotation.core.models import BaseModel
from annotation.labeling.models.cases import Case
from annotation.labeling.models.projects import LabelSchema


class AnnotationState(models.TextChoices):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"


class Annotation(BaseModel):
    """The identity of a read; its content lies in the draft and in the revisions."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="annotations")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="annotations"
    )
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="annotations")
    state = models.CharField(max_length=10, choices=AnnotationState, default=AnnotationState.DRAFT)
    draft = models.JSONField(default=dict)
    draft_version = models.PositiveIntegerField(default=1)
    draft_saved_at = models.DateTimeField(null=True)
    active_seconds = models.FloatField(default=0)
    # Slices to draw, as they were asked when the read was begun: [{"layer", "series_instance_uid", "slices"}]
    asked = models.JSONField(default=list, db_default=[])
    submitted_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "reader"], name="annotation_one_per_reader"),
        ]
        indexes = [
            models.Index(fields=["state", "accepted_at"], name="annotation_accepted"),
            models.Index(fields=["reader", "submitted_at"], name="annotation_by_reader"),
        ]

    def __str__(self) -> str:
        return f"annotation {self.pk}"


class Revision(BaseModel):
    """What was submitted, for ever: a trigger forbids changing or deleting it."""

    annotation = models.ForeignKey(Annotation, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    active_seconds = models.FloatField()
    # That of the read then: it vouches for no other slice
    asked = models.JSONField(default=list, db_default=[])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotation", "number"], name="revision_number_unique")
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.annotation_id}"


class Verdict(models.TextChoices):
    APPROVE = "approve"
    RETURN = "return"


class Review(BaseModel):
    """A reviewer's verdict on one revision."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews"
    )
    verdict = models.CharField(max_length=8, choices=Verdict)
    comment = models.TextField(blank=True, max_length=4000)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision"], name="review_one_per_revision")]

    def __str__(self) -> str:
        return f"{self.verdict} of {self.revision_id}"
