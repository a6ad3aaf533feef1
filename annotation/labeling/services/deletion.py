"""Removes images for managers, as long as nobody's work depends on them.

Rows go at once; files stay until the garbage collector finds that no row names them.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.accounts.models import User
from annotation.archive.models import Instance, Series, Study
from annotation.archive.services.removal import remove_instances
from annotation.core import audit
from annotation.core.errors import Conflict
from annotation.labeling import access
from annotation.labeling.models import Annotation, Assignment, AssignmentState, Case

# Readers may claim and hand in meanwhile: they change no key, and lock cases FOR NO KEY UPDATE.
HOLD = "SELECT id FROM labeling_case WHERE id = any(%s::uuid[]) ORDER BY id FOR KEY SHARE"


def delete_study(*, actor: User, study: Study) -> None:
    """Delete the study and its cases. Raises NotAllowed, or Conflict where it has been read."""
    _delete(actor, "study_deleted", study, Instance.objects.filter(series__study=study), study.pk)


def delete_series(*, actor: User, series: Series) -> None:
    """Delete one series; its study goes with the last one. Raises like `delete_study`."""
    _delete(actor, "series_deleted", series.study, series.instances.all(), series.pk)


def delete_instance(*, actor: User, instance: Instance) -> None:
    """Delete one instance; series and study go with the last one. Raises like `delete_study`."""
    only = Instance.objects.filter(pk=instance.pk)
    _delete(actor, "instance_deleted", instance.series.study, only, instance.pk)


def hold_cases(cases: Sequence[UUID]) -> set[UUID]:
    """Those that are still there; nobody deletes them until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [list(cases)])
        return {case for (case,) in cursor.fetchall()}


@transaction.atomic
def _delete(
    actor: User, action: str, study: Study, instances: QuerySet[Instance], object_id: Any
) -> None:
    study = Study.objects.select_for_update().get(pk=study.pk)
    cases = _require_unread(actor, study)
    removed = remove_instances(study, instances)
    for case in cases:
        audit.record(
            actor=actor, action=action, target=case, project_id=case.project_id,
            object=str(object_id), instances=removed,
        )  # fmt: skip
    if not study.series.exists():
        for case in cases:
            case.delete()
        study.delete()


def _require_unread(actor: User, study: Study) -> list[Case]:
    """The study's cases, locked: the caller must manage every project, and none has a read."""
    cases = list(Case.objects.select_for_update().filter(study=study).order_by("pk"))
    visible = {p.pk: p for p in access.projects_visible_to(actor)}
    for case in cases:
        if case.project_id not in visible:
            raise Conflict("The study is used elsewhere.")
        access.require(actor, visible[case.project_id], access.MANAGERS)
    is_read = Annotation.objects.filter(case__in=cases).exists()
    is_leased = Assignment.objects.filter(case__in=cases, state=AssignmentState.ACTIVE).exists()
    if is_read or is_leased:
        raise Conflict("The study has been read, or is being read now: reads are never lost.")
    return cases
