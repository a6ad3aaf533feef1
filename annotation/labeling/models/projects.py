"""A project, who takes part in it, and what it asks."""

import functools

from django.conf import settings
from django.db import models

from annotation.archive.models import Collection
from annotation.core.models import BaseModel
from annotation.labeling.schemas import Schema, parse_schema


class Role(models.TextChoices):
    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    MANAGER = "manager"


class Project(BaseModel):
    """A labeling effort over one collection of studies."""

    name = models.CharField(max_length=120, unique=True)
    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="projects")
    readers_per_case = models.PositiveSmallIntegerField(default=1)
    requires_review = models.BooleanField(default=False)
    lease_seconds = models.PositiveIntegerField(default=900)
    control_share = models.FloatField(default=0.1)  # random claims that keep every estimate honest

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(readers_per_case__range=(1, 20)), name="project_readers_1_to_20"
            ),
            models.CheckConstraint(
                condition=models.Q(control_share__range=(0, 1)), name="project_control_share_0_to_1"
            ),
            models.CheckConstraint(
                condition=models.Q(lease_seconds__range=(5, 86_400)), name="project_lease_range"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(BaseModel):
    """What one user may do in one project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} of {self.project_id}"


class LabelSchema(BaseModel):
    """One version of a project's questions; frozen from the first annotation on."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schemas")
    version = models.PositiveIntegerField()
    definition = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="schema_version_unique")
        ]

    def __str__(self) -> str:
        return f"version {self.version} of {self.project_id}"

    @functools.cached_property
    def schema(self) -> Schema:
        return parse_schema(self.definition)

    @property
    def is_frozen(self) -> bool:
        return self.annotations.exists()
