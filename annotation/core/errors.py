"""The one tree of errors that services raise; the API turns each into problem+json.

DomainError                   409  a rule of the domain forbids it
├── InvalidInput              400  the input is malformed; `field` names where
│   ├── RefusedInstance       400  a DICOM object that cannot be accepted
│   └── OtherStudy            400  an instance of another study than the URL names
├── NotAllowed                403  seen, but the role does not permit it
├── NotFound                  404  absent, or not visible: the same answer
├── Conflict                  409  the state does not permit it (any more)
│   ├── LeaseLost             409  the assignment has ended or belongs to another reader
│   ├── StudyChanged          409  more of the study has come than the reader has seen
│   ├── FirstImpressionMissing 409  the reader must commit an opinion before seeing another
│   ├── InstanceConflict      409  another content is stored under this SOP Instance UID
│   └── SecretUnreadable      409  a stored credential was encrypted with another key
├── UnsupportedMedia          415  the body is of a type that cannot be stored
├── StaleVersion              412  If-Match names an older version; `current` is the newest
├── PreconditionRequired      428  If-Match is missing
├── RemoteFailure             502  another server did not do what was asked of it
│   ├── RemoteUnavailable     502  it cannot be reached, or went away
│   └── RemoteRefused         502  it does not accept our credentials
└── StorageFull               507  no space left for what was sent
"""

from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


class DomainError(Exception):
    """A rule of the domain forbids it."""

    status = 409
    code = "conflict"

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class InvalidInput(DomainError):
    """The input is malformed."""

    status = 400
    code = "invalid"


class RefusedInstance(InvalidInput):
    """A DICOM object that cannot be accepted."""

    code = "refused_instance"


class OtherStudy(InvalidInput):
    """An instance of another study than the URL names."""

    code = "other_study"


class NotAllowed(DomainError):
    """The caller may see the object but not do this."""

    status = 403
    code = "not_allowed"


class NotFound(DomainError):
    """Absent, or not visible to the caller."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Not found.")


class Conflict(DomainError):
    """The state does not permit it."""


class LeaseLost(Conflict):
    """The assignment has ended or belongs to another reader."""

    code = "lease_lost"


class StudyChanged(Conflict):
    """More of the study has come than the reader has seen."""

    code = "study_changed"


class FirstImpressionMissing(Conflict):
    """The reader must commit an opinion before seeing another."""

    code = "first_impression_missing"


class InstanceConflict(Conflict):
    """Another content is stored under this SOP Instance UID."""

    code = "instance_conflict"


class UnsupportedMedia(DomainError):
    """The body is of a type that cannot be stored."""

    status = 415
    code = "unsupported_media_type"


class SecretUnreadable(Conflict):
    """A stored credential was encrypted with another key."""

    code = "secret_unreadable"


class StaleVersion(DomainError):
    """Somebody saved a newer version meanwhile."""

    status = 412
    code = "stale_version"


class PreconditionRequired(DomainError):
    """The request must say which version it changes."""

    status = 428
    code = "precondition_required"


class RemoteFailure(DomainError):
    """Another server did not do what was asked of it."""

    status = 502
    code = "remote_failure"


class RemoteUnavailable(RemoteFailure):
    """The other server cannot be reached, or went away."""

    code = "remote_unavailable"


class RemoteRefused(RemoteFailure):
    """The other server does not accept our credentials."""

    code = "remote_refused"


class StorageFull(DomainError):
    """No space left."""

    status = 507
    code = "storage_full"


def get_or_not_found(queryset: QuerySet[M], **lookup: Any) -> M:
    """The one row of a `visible_to` queryset, or NotFound (also for a malformed identifier)."""
    try:
        return queryset.get(**lookup)
    except (ObjectDoesNotExist, ValidationError, ValueError):
        raise NotFound from None
