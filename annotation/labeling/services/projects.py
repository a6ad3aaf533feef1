"""Creates projects, their members, schema versions and cases."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from annotation.accounts.models import User
from annotation.archive.models import Collection, Study
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.rows import Insertion, begin_insert, fetch_all
from annotation.labeling.models import (
    Case,
    CaseState,
    Handover,
    LabelSchema,
    Membership,
    Project,
    Role,
)
from annotation.labeling.schemas import (
    InvalidSchema,
    Options,
    check_presets,
    check_units,
    parse_schema,
)

SETTINGS = ("readers_per_case", "requires_review", "lease_seconds", "control_share")


@transaction.atomic
def create_project(
    *,
    actor: User,
    name: str,
    definition: Any,
    collection: Collection | None = None,
    **chosen: Any,
) -> Project:
    """A project with its first schema version and its creator as manager.

    It gets a collection of its own unless it is to share an existing one.
    """
    if Project.objects.filter(name__iexact=name).exists():
        raise Conflict("A project of this name exists.", field="name")
    project = Project.objects.create(
        name=name, collection=collection or Collection.objects.create(name=name), **chosen
    )
    Membership.objects.create(project=project, user=actor, role=Role.MANAGER)
    publish_schema(actor=actor, project=project, definition=definition)
    audit.record(actor=actor, action="project_created", target=project, project_id=project.pk)
    return project


@transaction.atomic
def change_settings(*, actor: User, project: Project, **changes: Any) -> Project:
    """Change how the project works; the number of readers may only be raised."""
    locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    more = int(changes.get("readers_per_case", locked.readers_per_case)) - locked.readers_per_case
    if more < 0:
        raise Conflict(
            "The number of readers per case can only be raised.", field="readers_per_case"
        )
    _keep_audits(locked, float(changes.get("control_share", 1.0)))
    for name in SETTINGS:
        if name in changes:
            setattr(locked, name, changes[name])
    locked.save(update_fields=list(SETTINGS))
    if more:
        cases = Case.objects.filter(project=locked)
        len(cases.select_for_update(no_key=True).order_by("pk").values_list("pk"))  # as rankings do
        cases.update(free_slots=F("free_slots") + more, state=CaseState.OPEN)
    audit.record(
        actor=actor, action="project_changed", target=locked, project_id=locked.pk, **changes
    )
    return locked


def _keep_audits(project: Project, share: float) -> None:
    if share < least_audits() and is_ranked(project):
        raise InvalidInput(
            f"At least {least_audits():.0%} of the claims of a ranked project are drawn at random: "
            "they keep its figures honest.",
            field="control_share",
        )


def least_audits() -> float:
    """The share of the claims of a ranked project that are drawn at random whatever its settings say."""
    return settings.LEAST_AUDIT_PERCENT / 100


def is_ranked(project: Project) -> bool:
    """Whether a model or a light head has ranked any of its cases."""
    return Case.objects.filter(project=project, ranking_id__isnull=False).exists()


@transaction.atomic
def set_member(*, actor: User | None, project: Project, user: User, role: Role) -> Membership:
    """Add a member or change a role; the last manager cannot step down."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    _keep_a_manager(project, user, role)
    membership, _ = Membership.objects.update_or_create(
        project=project, user=user, defaults={"role": role}
    )
    audit.record(
        actor=actor, action="member_set", target=membership, project_id=project.pk,
        user_id=str(user.pk), role=role,
    )  # fmt: skip
    return membership


@transaction.atomic
def remove_member(*, actor: User, project: Project, user_id: Any) -> bool:
    """True where there was such a member; what they read stays, what they were given is anybody's."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    membership = Membership.objects.filter(project=project, user_id=user_id).first()
    if membership is None:
        return False
    _keep_a_manager(project, membership.user, None)
    Handover.objects.filter(case__project=project, reader=user_id).delete()
    audit.record(
        actor=actor, action="member_removed", target=membership, project_id=project.pk,
        user_id=str(user_id),
    )  # fmt: skip
    membership.delete()
    return True


def _keep_a_manager(project: Project, user: User, role: Role | None) -> None:
    managers = project.memberships.filter(role=Role.MANAGER)
    if role != Role.MANAGER and managers.count() == 1 and managers.filter(user=user).exists():
        raise Conflict("A project needs at least one manager.", field="role")


@transaction.atomic
def publish_schema(*, actor: User, project: Project, definition: Any) -> LabelSchema:
    """A new version of the questions; reads begun under an older one keep it."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    try:
        schema = parse_schema(definition)
        check_presets(schema.hanging)
        check_units(schema, [one.schema for one in project.schemas.order_by("version")])
    except InvalidSchema as error:
        raise InvalidInput(
            f"The definition has a mistake at {error.field}: {error.reason}",
            field=f"definition.{error.field}",
        ) from None
    latest = current_schema(project)
    version = latest.version + 1 if latest else 1
    created = LabelSchema.objects.create(
        project=project, version=version, definition=schema.as_json()
    )
    audit.record(
        actor=actor,
        action="schema_published",
        target=created,
        project_id=project.pk,
        version=version,
    )
    return created


def current_schema(project: Project) -> LabelSchema | None:
    return project.schemas.order_by("-version").first()


def options_of(project: Project) -> Options:
    """How the project is read now, whatever version a read was begun with."""
    current = current_schema(project)
    return current.schema.options if current else Options()


@transaction.atomic(savepoint=False)
def add_cases(*, project: Project, studies: Iterable[Study]) -> Insertion[Case]:
    """Make cases of studies of the project's collection, where they are new.

    The project is read again: an import may have begun before its settings were changed.
    """
    wanted = {s.pk for s in studies if s.collection_id == project.collection_id}
    found = fetch_all(KNOWN_CASES, [list(wanted), project.pk])
    wanted -= {study_id for _, study_id in found}
    return begin_insert(
        Case(project=project, study_id=study_id, free_slots=found[0][0])
        for study_id in sorted(wanted)
    )


# Settings wait for the lock, other imports don't.
KNOWN_CASES = """
select project.readers_per_case, known.study_id from labeling_project project
left join labeling_case known on known.project_id = project.id and known.study_id = any(%s::uuid[])
where project.id = %s for share of project
"""
