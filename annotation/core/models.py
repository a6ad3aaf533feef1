"""The base of every table, and the audit trail."""

import uuid

from django.conf import settings
from django.db import models


class BaseModel(models.Model):
    """A row with a random identifier that says nothing and can be shown in a URL."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class AuditEvent(models.Model):
    """Who did what to which object, when; written inside the transaction that did it."""

    sequence = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=64)
    project_id = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)  # ids and numbers only, never patient data

    class Meta:
        indexes = [
            models.Index(fields=["project_id", "-sequence"], name="audit_project"),
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.object_type} {self.object_id}"
