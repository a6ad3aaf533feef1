"""Who may see and do what: the only door to every object. Default deny.

Every view starts from one `*_visible_to(user)`; what is not in it does not exist for the caller.
"""

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.archive.models import Instance, Series, Study
from annotation.core.errors import NotAllowed, get_or_not_found
from annotation.core.rows import fetch_all, fetch_one
from annotation.labeling.models import (
    Annotation,
    Assignment,
    Case,
    Comment,
    Mark,
    Membership,
    Project,
    Role,
)
from annotation.labeling.schemas import Options

ANYONE = tuple(Role)
REVIEWERS = (Role.REVIEWER, Role.MANAGER)
MANAGERS = (Role.MANAGER,)


def projects_visible_to(user: Any) -> QuerySet[Project]:
    return Project.objects.filter(memberships__user_id=user.pk)


def projects_supervised_by(user: Any) -> QuerySet[Project]:
    """Projects in which this user reviews or manages.

    One filter() call on purpose: chained ones would accept anybody's supervising membership.
    """
    return Project.objects.filter(memberships__user_id=user.pk, memberships__role__in=REVIEWERS)


def role_of(user: Any, project: Project) -> Role:
    """The member's role; call it only with a project from `projects_visible_to`."""
    return Role(Membership.objects.get(project=project, user_id=user.pk).role)


def project_for(user: Any, project_id: UUID | str, roles: tuple[Role, ...] = ANYONE) -> Project:
    """The project: NotFound for outsiders, NotAllowed for members of another role."""
    project = get_or_not_found(projects_visible_to(user), pk=project_id)
    require(user, project, roles)
    return project


def require(user: Any, project: Project, roles: tuple[Role, ...]) -> None:
    if roles != ANYONE and role_of(user, project) not in roles:
        names = " or ".join(role.value for role in roles)
        raise NotAllowed(f"This needs the role {names} in the project.")


def hides_patient_from(user: Any, project: Project, options: Options) -> bool:
    """Whether the patient stays unnamed: to all but managers, where the project wants it."""
    return options.hides_patient and role_of(user, project) != Role.MANAGER


# The same rule over a row `member` of memberships; the newest version of the schema decides.
NAMES_PATIENT = """
(member.role = 'manager' or not coalesce(
    (select (version.definition #>> '{options,hides_patient}')::boolean
     from labeling_labelschema version where version.project_id = member.project_id
     order by version.version desc limit 1), false))
"""
HIDES_A_PATIENT = f"""
select exists (select 1 from labeling_membership member where member.user_id = %(user)s
               and member.project_id = coalesce(%(project)s, member.project_id)
               and not {NAMES_PATIENT})
"""  # noqa: S608  constants
PROJECTS_THAT_NAME = f"""
select member.project_id from labeling_membership member
where member.user_id = %(user)s and {NAMES_PATIENT}
"""  # noqa: S608  constants


def hides_a_patient_from(user: Any, project: Project | None) -> bool:
    """Whether any of the user's projects (or that one) keeps patients unnamed."""
    row = fetch_one(HIDES_A_PATIENT, {"user": user.pk, "project": project and project.pk})
    return bool(row and row[0])


def patient_is_named_to(user: Any, path: str) -> Exists:
    """A case of the study at `path` in a project that tells the user who the patient is."""
    projects = [row[0] for row in fetch_all(PROJECTS_THAT_NAME, {"user": user.pk})]
    return Exists(Case.objects.filter(project__in=projects, study=OuterRef(path)))


def cases_visible_to(user: Any) -> QuerySet[Case]:
    return Case.objects.filter(project__in=projects_visible_to(user))


def cases_open_to(user: Any) -> QuerySet[Case]:
    """Cases that one reads, and all of them for reviewers and managers."""
    reads = Annotation.objects.filter(case=OuterRef("pk"), reader_id=user.pk)
    return cases_visible_to(user).filter(
        Q(Exists(reads)) | Q(project__in=projects_supervised_by(user))
    )


def comments_visible_to(user: Any) -> QuerySet[Comment]:
    """All for reviewers and managers; annotators see their own and those of the supervisors."""
    supervisors = Membership.objects.filter(
        project=OuterRef("case__project"), user=OuterRef("author"), role__in=REVIEWERS
    )
    return Comment.objects.filter(case__in=cases_open_to(user)).filter(
        Q(author_id=user.pk)
        | Q(case__project__in=projects_supervised_by(user))
        | Q(Exists(supervisors))
    )


def marks_visible_to(user: Any) -> QuerySet[Mark]:
    """One's own, and everybody's for reviewers and managers."""
    return Mark.objects.filter(
        Q(reader_id=user.pk, case__project__in=projects_visible_to(user))
        | Q(case__project__in=projects_supervised_by(user))
    )


def assignments_visible_to(user: Any) -> QuerySet[Assignment]:
    """Only one's own: a lease is nobody else's business."""
    return Assignment.objects.filter(reader_id=user.pk, project__in=projects_visible_to(user))


def annotations_visible_to(user: Any) -> QuerySet[Annotation]:
    """One's own, and everybody's for reviewers and managers: annotators read blind."""
    return Annotation.objects.filter(
        Q(reader_id=user.pk, case__project__in=projects_visible_to(user))
        | Q(case__project__in=projects_supervised_by(user))
    )


def studies_visible_to(user: Any, project: Project | None = None) -> QuerySet[Study]:
    """Studies that are a case of one of the caller's projects (or of that one project)."""
    found = Study.objects.filter(_in_visible_study("pk", user, project))
    return found.filter(collection=project.collection_id) if project else found


def series_visible_to(user: Any, project: Project | None = None) -> QuerySet[Series]:
    return Series.objects.filter(_in_visible_study("study", user, project))


def instances_visible_to(user: Any, project: Project | None = None) -> QuerySet[Instance]:
    return Instance.objects.filter(_in_visible_study("series__study", user, project))


# The same rule inside a statement of its own, for single objects by the thousand: `{study}` and
# `{caller}` are expressions for the ids of a study and of the caller.
STUDY_IS_VISIBLE = """
exists (select 1 from labeling_membership member
        join labeling_case cases on cases.project_id = member.project_id and cases.study_id = {study}
        where member.user_id = {caller} {in_project})
"""
IN_PROJECT = "and member.project_id = %(project)s"


def study_is_visible_sql(*, study: str, caller: str, has_project: bool) -> str:
    """STUDY_IS_VISIBLE of constants; with `has_project`, %(project)s is to be the project's id."""
    in_project = IN_PROJECT if has_project else ""
    return STUDY_IS_VISIBLE.format(study=study, caller=caller, in_project=in_project)


def _in_visible_study(path: str, user: Any, project: Project | None) -> Exists:
    """A case of the study at `path` in one of the caller's projects (or in that one)."""
    projects = [project] if project else projects_visible_to(user)
    return Exists(Case.objects.filter(project__in=projects, study=OuterRef(path)))
