"""Cases to read and the leases under which they are read."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Random

from annotation.archive.models import Study
from annotation.core.models import BaseModel
from annotation.labeling.models.projects import Project


class CaseState(models.TextChoices):
    OPEN = "open"
    DONE = "done"


class Case(BaseModel):
    """One study in one project.

    `free_slots` is a semaphore, not a statistic: how many more readers may take the case now.
    It lives in the row so that a claim's row lock protects it (docs/decisions/0005).
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="cases")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="cases")
    state = models.CharField(max_length=8, choices=CaseState, default=CaseState.OPEN)
    free_slots = models.PositiveSmallIntegerField()
    extra_readers = models.PositiveSmallIntegerField(default=0)  # second opinions asked for
    front = models.PositiveSmallIntegerField(default=0)  # before all others; higher is first
    priority = models.FloatField(default=0)  # 0 to 1; higher is labeled first
    priority_reason = models.CharField(max_length=200, blank=True)
    # The same in no language: {"code": ..., and its values}, or {}
    priority_words = models.JSONField(default=dict, db_default={})
    ranking_id = models.UUIDField(null=True)  # the round or the head that ranked it
    shuffle_key = models.FloatField(db_default=Random())  # a fixed random order

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "study"], name="case_unique_in_project"),
        ]
        indexes = [
            models.Index(
                F("project"), F("front").desc(), F("priority").desc(), F("shuffle_key"),
                condition=Q(state="open", free_slots__gt=0), name="case_worklist",
            ),
            models.Index(
                fields=["project", "shuffle_key"],
                condition=Q(state="open", free_slots__gt=0), name="case_control",
            ),
            models.Index(fields=["project", "state"], name="case_by_state"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"case {self.pk}"


class Selection(models.TextChoices):
    """Why this case was served: the arm of the experiment."""

    RANKED = "ranked"  # first in the model's ranking
    CONTROL = "control"  # an audit: drawn at random although a ranking exists
    INITIAL = "initial"  # no ranking yet: random order
    GIVEN = "given"  # a manager gave it to this reader


class AssignmentState(models.TextChoices):
    ACTIVE = "active"
    SUBMITTED = "submitted"
    RELEASED = "released"
    EXPIRED = "expired"


class Assignment(BaseModel):
    """A lease on one case for one reader, and how the case came to be served."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="assignments")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments"
    )
    state = models.CharField(max_length=10, choices=AssignmentState, default=AssignmentState.ACTIVE)
    selection = models.CharField(max_length=8, choices=Selection)
    propensity = models.FloatField(null=True)  # of an audit: its chance among what could be drawn
    reason = models.CharField(max_length=200, blank=True, default="")  # as the reader was told
    reason_words = models.JSONField(default=dict, db_default={})  # the same in no language
    priority = models.FloatField(default=0)
    ranking_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "reader"],
                condition=Q(state="active"),
                name="assignment_one_live_per_reader",
            ),
            models.UniqueConstraint(
                fields=["case", "reader"],
                condition=Q(state__in=["active", "submitted"]),
                name="assignment_one_per_case_and_reader",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="active"), name="lease_expiry"),
            models.Index(fields=["project", "state", "-ended_at"], name="assignment_progress"),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"
