"""Other DICOMweb servers that a project may draw from, and the jobs that pull and push."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotation.core.jobs import Job
from annotation.core.models import BaseModel
from annotation.labeling.models.projects import Project


class SignIn(models.TextChoices):
    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"


class Source(BaseModel):
    """A DICOMweb server that an operator named; its address never leaves the server."""

    name = models.CharField(max_length=80, unique=True)
    url = models.CharField(max_length=500)
    sign_in = models.CharField(max_length=6, choices=SignIn, default=SignIn.NONE)
    user = models.CharField(max_length=200, blank=True)
    sealed_secret = models.BinaryField(default=bytes)  # annotation.core.secretbox
    ca_certificate = models.TextField(blank=True)  # PEM; trusted beside the public authorities
    projects = models.ManyToManyField(Project, related_name="sources", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sign_in=SignIn.NONE) | ~models.Q(sealed_secret=b""),
                name="source_signs_in_with_a_secret",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret_context(self) -> str:
        return f"source {self.pk}"


class Direction(models.TextChoices):
    PULL = "pull"
    PUSH = "push"


class Transfer(Job):
    """Studies on their way from a source into a project, or back.

    The figures are those of the newest attempt; a resumed one counts what is there as known.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="transfers")
    source = models.ForeignKey(
        Source, null=True, on_delete=models.SET_NULL, related_name="transfers"
    )
    source_name = models.CharField(max_length=80)
    direction = models.CharField(max_length=4, choices=Direction)
    study_uids = ArrayField(models.CharField(max_length=64))  # a push of none sends all studies
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    new_count = models.PositiveIntegerField(default=0)
    known_count = models.PositiveIntegerField(default=0)
    failed_count = models.PositiveIntegerField(default=0)
    failures = models.JSONField(default=list)  # the first ones: {study, instance, reason}

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(direction=Direction.PUSH) | ~models.Q(study_uids=[]),
                name="transfer_pull_names_studies",
            )
        ]
        indexes = [models.Index(fields=["project", "-created_at"], name="transfer_newest")]

    def __str__(self) -> str:
        return f"{self.direction} {self.pk}"
