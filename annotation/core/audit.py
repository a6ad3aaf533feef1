"""Writes the audit trail; call it inside the transaction that makes the change."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from annotation.core.models import AuditEvent, BaseModel
from annotation.core.rows import insert


def record(
    *,
    actor: Any,
    action: str,
    target: BaseModel,
    project_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Append one event; `detail` takes ids and numbers, never patient data."""
    event = AuditEvent(
        actor=None if isinstance(actor, AnonymousUser) else actor,
        action=action,
        object_type=target._meta.label_lower,
        object_id=str(target.pk),
        project_id=project_id,
        detail=detail,
    )
    insert(event)
