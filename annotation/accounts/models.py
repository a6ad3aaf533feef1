"""The user of the platform."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

from annotation.core.models import BaseModel


class User(AbstractUser):
    """A person or a program with a password or tokens; what it may do is decided per project."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                models.functions.Lower("username"), name="username_unique_ignoring_case"
            )
        ]

    @property
    def may_create_projects(self) -> bool:
        """The one right beside those of a project's members; there are no other pages for staff."""
        return self.is_staff


class Language(models.TextChoices):
    EN = "en"
    DE = "de"


class Theme(models.TextChoices):
    DARK = "dark"
    LIGHT = "light"


class Preferences(BaseModel):
    """How one user likes to work; empty where the page is to decide."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="preferences")
    keys = models.JSONField(default=dict)  # the key of each action that the user changed
    language = models.CharField(max_length=2, choices=Language, blank=True)
    theme = models.CharField(max_length=5, choices=Theme, blank=True)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"
