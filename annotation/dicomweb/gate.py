"""What every DICOMweb view has: sign-in by cookie or token, its scope, errors as problem+json."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import APIException

from annotation.accounts.authentication import CookieSession, PersonalToken
from annotation.accounts.proofs import remember_session
from annotation.archive.models import Instance, Series, Study
from annotation.core.errors import DomainError, NotFound
from annotation.core.problems import CONTENT_TYPE, problem, problem_json
from annotation.dicomweb.matching import BadQuery
from annotation.dicomweb.negotiation import NotAcceptable
from annotation.labeling import access
from annotation.labeling.models import Project

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Scope:
    """What this request may see: everything the caller may, or one project's studies."""

    request: HttpRequest
    user: Any
    project: Project | None
    base_url: str

    @property
    def accept(self) -> str:
        """The Accept header, or the `accept` parameter that stands in for it (§8.3.3.1)."""
        return self.request.GET.get("accept") or self.request.headers.get("Accept", "")

    def study(self, study_uid: str) -> Study:
        found = (
            access.studies_visible_to(self.user, self.project)
            .filter(study_instance_uid=study_uid)
            .order_by("created_at")
            .first()
        )
        if found is None:
            raise NotFound
        return found

    def series(self, study_uid: str, series_uid: str) -> Series:
        study = self.study(study_uid)
        found = study.series.filter(series_instance_uid=series_uid).first()
        if found is None:
            raise NotFound
        return found

    def instance(self, study_uid: str, series_uid: str, instance_uid: str) -> Instance:
        """One query, because frames come through here."""
        found = (
            access.instances_visible_to(self.user, self.project)
            .select_related("prepared")
            .filter(
                sop_instance_uid=instance_uid,
                series__series_instance_uid=series_uid,
                series__study__study_instance_uid=study_uid,
            )
            .defer("dicom_json")
            .order_by("created_at")
            .first()
        )
        if found is None:
            raise NotFound
        return found


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
    user = _user(request)
    project = access.project_for(user, project_id) if project_id else None
    root = f"/dicomweb/projects/{project.pk}" if project else "/dicomweb"
    return Scope(request, user, project, request.build_absolute_uri(root))


def _user(request: HttpRequest) -> Any:
    if request.headers.get("Authorization"):
        found = PersonalToken().authenticate(request)
        if found is None:
            raise NotSignedIn("Sign in, or send a personal token.")
        return found[0]
    if not request.user.is_authenticated or not request.user.is_active:
        raise NotSignedIn("Sign in, or send a personal token.")
    remember_session(request.session.session_key, request.user)
    if request.method not in SAFE_METHODS:
        CookieSession().enforce_csrf(request)  # type: ignore[arg-type]
    return request.user


def _answer(status: int, code: str, detail: str) -> JsonResponse:
    headers = {"WWW-Authenticate": 'Session realm="firstread"'} if status == 401 else {}
    body = problem(status, code, detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)
