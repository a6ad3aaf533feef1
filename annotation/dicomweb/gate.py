"""What every DICOMweb view has: sign-in by cookie or token, its scope, errors as problem+json."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException

from annotation.accounts.authentication import CookieSession
from annotation.accounts.models import User
from annotation.accounts.proofs import find_proof, remember_session
from annotation.archive.models import Instance, Series, Study
from annotation.core.errors import DomainError, NotAllowed, NotFound, get_or_not_found
from annotation.core.problems import CONTENT_TYPE, problem, problem_json
from annotation.core.rows import fetch_one
from annotation.dicomweb.matching import BadQuery
from annotation.dicomweb.negotiation import NotAcceptable
from annotation.labeling import access
from annotation.labeling.models import Project, Role

# The caller of a credential, and the project where the caller is a member of it.
CALLER_AND_PROJECT = """
select caller.id, project.id, project.collection_id, member.role,
       member.id is not null and not {names_patient}
from {caller} as caller
left join labeling_membership member
    on member.user_id = caller.id and member.project_id = %(project)s
left join labeling_project project on project.id = member.project_id
"""
CALLER = """
select caller.id, exists (select 1 from labeling_membership member
                          where member.user_id = caller.id and not {names_patient})
from {caller} as caller
"""
# A study, series or instance in a study that the caller may see.
LOCATE = """
select {level}.id from archive_study study {joins}
where study.study_instance_uid = %(study)s
  and {is_visible}
order by {level}.created_at limit 1
"""
LOCATE_JOINS = (
    """join archive_series series on series.study_id = study.id
           and series.series_instance_uid = %(series)s """,
    """join archive_instance instance on instance.series_id = series.id
           and instance.sop_instance_uid = %(instance)s """,
)
DEFAULT_PORTS = {"http": "80", "https": "443"}
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Scope:
    """What this request may see: everything the caller may, or one project's studies."""

    request: HttpRequest
    user: Any
    project: Project | None
    role: Role | None  # in that project
    hides_patient: bool  # in that project, or in some of the caller's
    base_url: str

    @property
    def accept(self) -> str:
        """The Accept header, or the `accept` parameter that stands in for it (§8.3.3.1)."""
        return self.request.GET.get("accept") or self.request.headers.get("Accept", "")

    def study(self, study_uid: str) -> Study:
        return get_or_not_found(Study.objects.all(), pk=self._locate(study=study_uid))

    def series(self, study_uid: str, series_uid: str) -> Series:
        found = Series.objects.select_related("study")
        return get_or_not_found(found, pk=self._locate(study=study_uid, series=series_uid))

    def instance(self, study_uid: str, series_uid: str, instance_uid: str) -> Instance:
        found = Instance.objects.select_related("prepared").defer("dicom_json")
        located = self._locate(study=study_uid, series=series_uid, instance=instance_uid)
        return get_or_not_found(found, pk=located)

    def hides_patient_in(self, found: Study | Series | Instance) -> bool:
        """Whether this caller must not learn who the patient of `found` is."""
        if not self.hides_patient:
            return False
        if isinstance(found, Instance):
            found = found.series
        study = found.pk if isinstance(found, Study) else found.study_id
        return bool(self.studies_hiding_patient([study]))

    def refuse_whole_objects_of(self, found: Study | Series | Instance) -> None:
        """Raises NotAllowed where the patient is hidden: an object cannot be blinded unchanged."""
        if self.hides_patient_in(found):
            raise NotAllowed(
                "The patient is hidden from you: ask for metadata, frames or pictures."
            )

    def studies_hiding_patient(self, studies: Iterable[UUID]) -> set[UUID]:
        """Those of the caller's studies whose patient none of the caller's projects names."""
        if not self.hides_patient or self.project is not None:
            return set(studies) if self.hides_patient else set()
        named = access.patient_is_named_to(self.user, "pk")
        return set(Study.objects.filter(~named, pk__in=studies).values_list("pk", flat=True))

    def _locate(self, **uids: str) -> UUID:
        """The primary key of the deepest level named. Raises NotFound, also for what is hidden."""
        project = self.project.pk if self.project else None
        statement = _locate_statement(len(uids), has_project=project is not None)
        row = fetch_one(statement, {**uids, "user": self.user.pk, "project": project})
        if row is None:
            raise NotFound
        found: UUID = row[0]
        return found


@functools.cache
def _locate_statement(depth: int, *, has_project: bool) -> str:
    level = ("study", "series", "instance")[depth - 1]
    joins = "".join(LOCATE_JOINS[: depth - 1])
    is_visible = access.study_is_visible_sql(
        study="study.id", caller="%(user)s", has_project=has_project
    )
    return LOCATE.format(level=level, joins=joins, is_visible=is_visible)


Caller = tuple[User, Project | None, Role | None, bool]  # the last: hides a patient
View = Callable[..., HttpResponseBase]


def dicomweb(view: View) -> View:
    """Wrap `view(scope, **uids)`: authenticate, resolve the root, turn errors into answers."""

    @csrf_exempt
    @functools.wraps(view)
    def wrapped(
        request: HttpRequest, project_id: UUID | None = None, **uids: Any
    ) -> HttpResponseBase:
        try:
            return view(_scope(request, project_id), **uids)
        except DomainError as error:
            return problem_json(error)
        except BadQuery as error:
            return _answer(400, "bad_query", str(error))
        except NotAcceptable as error:
            return _answer(406, "not_acceptable", f"Not acceptable: {error}.")
        except APIException as error:
            return _answer(error.status_code, str(error.default_code), str(error.detail))

    return wrapped


class NotSignedIn(DomainError):
    """No session and no token."""

    status = 401
    code = "not_authenticated"


def _scope(request: HttpRequest, project_id: UUID | None) -> Scope:
    user, project, role, hides = _by_token(request, project_id) or _by_session(request, project_id)
    root = f"/dicomweb/projects/{project.pk}" if project else "/dicomweb"
    return Scope(request, user, project, role, hides, f"{_origin(request)}{root}")


def _origin(request: HttpRequest) -> str:
    """Scheme, host and port of this server as the client knows it.

    dicomweb-client leaves the port out of the Host header. Where no proxy stands between, the port
    that listens is the one that was meant.
    """
    origin = request.build_absolute_uri("/")[:-1]
    port = request.META.get("SERVER_PORT", "")
    is_direct = not any(name.startswith("HTTP_X_FORWARDED_") for name in request.META)
    names_port = urlsplit(origin).port is not None
    if names_port or not is_direct or port in ("", DEFAULT_PORTS[request.scheme or "http"]):
        return origin
    return f"{origin}:{port}"


def _by_token(request: HttpRequest, project_id: UUID | None) -> Caller | None:
    """Who sends a personal token and the project it names, in one statement."""
    authorization = request.headers.get("Authorization", "")
    if not authorization:
        return None
    proof = find_proof(authorization, "")
    row = None
    if proof is not None:
        statement = _caller_statement(proof.caller, has_project=project_id is not None)
        row = fetch_one(statement, {**proof.parameters, "project": project_id})
    if row is None or row[0] is None:
        raise NotSignedIn("Sign in, or send a personal token.")
    user_id, *of_project, hides = row
    if project_id is None:
        return User(pk=user_id), None, None, hides
    found_id, collection_id, role = of_project
    if found_id is None:
        raise NotFound
    project = Project.from_db("default", ["id", "collection_id"], [found_id, collection_id])
    return User(pk=user_id), project, Role(role), hides


@functools.cache
def _caller_statement(caller: str, *, has_project: bool) -> str:
    statement = CALLER_AND_PROJECT if has_project else CALLER
    return statement.format(caller=caller, names_patient=access.NAMES_PATIENT)


def _by_session(request: HttpRequest, project_id: UUID | None) -> Caller:
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise NotSignedIn("Sign in, or send a personal token.")
    remember_session(request.session.session_key, user)
    if request.method not in SAFE_METHODS:
        CookieSession().enforce_csrf(request)  # type: ignore[arg-type]
    project = None if project_id is None else access.project_for(user, project_id)
    role = access.role_of(user, project) if project else None
    return user, project, role, access.hides_a_patient_from(user, project)


def _answer(status: int, code: str, detail: str) -> JsonResponse:
    headers = {"WWW-Authenticate": 'Session realm="firstread"'} if status == 401 else {}
    body = problem(status, code, detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)
