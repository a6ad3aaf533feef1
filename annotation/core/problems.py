"""Every error leaves the API as application/problem+json (RFC 9457) in one shape."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotation.core import wording
from annotation.core.errors import DomainError, NotFound

CONTENT_TYPE = "application/problem+json"
AUTH_ERRORS = (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)


def problem(status_code: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """The body: `detail` in English; `words` and `field_words` say it in no language, where known."""
    body = {"status": status_code, "code": code, "detail": detail, **extra}
    if words := wording.words_of(detail):
        body["words"] = words
    fields = extra.get("fields")
    if isinstance(fields, dict):
        told = {path: wording.words_of(why) for path, why in fields.items()}
        body["field_words"] = {path: words for path, words in told.items() if words}
    return body


def problem_json(error: DomainError) -> JsonResponse:
    """For plain Django views: the same body that the API gives."""
    body = problem(error.status, error.code, error.detail, **error.extra)
    return JsonResponse(body, status=error.status, content_type=CONTENT_TYPE)


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler."""
    if isinstance(error, Http404):
        error = NotFound()
    if isinstance(error, DomainError):
        body = problem(error.status, error.code, error.detail, **error.extra)
        return Response(body, status=error.status, content_type=CONTENT_TYPE)
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = _from_framework(error, response)
    response.content_type = CONTENT_TYPE
    if isinstance(error, AUTH_ERRORS):
        response.status_code = status.HTTP_401_UNAUTHORIZED
        response.data["status"] = status.HTTP_401_UNAUTHORIZED
    return response


def _from_framework(error: Exception, response: Response) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return problem(400, "invalid", "The input is not valid.", fields=response.data)
    if isinstance(error, PermissionDenied):
        return problem(403, "not_allowed", "Your role does not permit this.")
    code = error.default_code if isinstance(error, exceptions.APIException) else "error"
    detail = str(error.detail) if isinstance(error, exceptions.APIException) else str(error)
    return problem(response.status_code, str(code), detail)
