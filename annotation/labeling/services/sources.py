"""Adds, grants, searches and opens the other DICOMweb servers of a project.

Only an operator at a shell says where a source is; projects see its name.
"""

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from annotation.accounts.models import User
from annotation.archive.answers import RemoteStudy
from annotation.archive.remote import (
    BACKGROUND,
    INTERACTIVE,
    Credentials,
    RemoteServer,
    Timeouts,
)
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput, RemoteFailure
from annotation.core.secretbox import seal, unseal
from annotation.labeling.models import Case, Project, SignIn, Source

WILDCARDS = frozenset("*?")


@dataclass(frozen=True)
class Found:
    """A study that the source lists, and whether the project has it."""

    study: RemoteStudy
    is_in_project: bool


@dataclass(frozen=True)
class Preview:
    """A picture of an instance in the middle of a series."""

    data: bytes
    content_type: str


@transaction.atomic
def add_source(
    *,
    name: str,
    url: str,
    credentials: Credentials,
    ca_certificate: str = "",
    allow_plain_http: bool = False,
) -> Source:
    """A new source that no project may use yet. Raises InvalidInput or Conflict."""
    if Source.objects.filter(name__iexact=name).exists():
        raise Conflict("A source of this name exists.", field="name")
    source = Source(name=name)
    _set_connection(source, url, credentials, ca_certificate, allow_plain_http)
    source.save(force_insert=True)
    audit.record(actor=None, action="source_added", target=source, sign_in=source.sign_in)
    return source


@transaction.atomic
def replace_source(
    *,
    source: Source,
    url: str,
    credentials: Credentials,
    ca_certificate: str = "",
    allow_plain_http: bool = False,
) -> Source:
    """Another address or other credentials under the same name; grants and history stay."""
    _set_connection(source, url, credentials, ca_certificate, allow_plain_http)
    source.save()
    audit.record(actor=None, action="source_replaced", target=source, sign_in=source.sign_in)
    return source


@transaction.atomic
def remove_source(*, source: Source) -> None:
    """Forget the address and the credentials; the history of its transfers stays."""
    audit.record(actor=None, action="source_removed", target=source)
    source.delete()


@transaction.atomic
def grant_source(*, source: Source, project: Project) -> None:
    """From now on the project's managers may search, pull from and push to the source."""
    source.projects.add(project)
    audit.record(actor=None, action="source_granted", target=source, project_id=project.pk)


@transaction.atomic
def revoke_source(*, source: Source, project: Project) -> None:
    source.projects.remove(project)
    audit.record(actor=None, action="source_revoked", target=source, project_id=project.pk)


def checked_address(url: str, *, allow_plain_http: bool) -> str:
    """The URL without a trailing slash. Raises InvalidInput where it is no safe DICOMweb root."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput("The URL is malformed.", field="url") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput("The URL must begin with https:// or http:// and a host.", field="url")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("Name the user with --user, not in the URL.", field="url")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise InvalidInput("The URL of a DICOMweb root has no query and no fragment.", field="url")
    if parts.scheme == "http" and not allow_plain_http and not _is_private(host):
        raise InvalidInput(
            "Plain http would send credentials and images in the clear: use https, or "
            "--allow-plain-http if the way there is protected otherwise.",
            field="url",
        )
    return url.strip().rstrip("/")


def _is_private(host: str) -> bool:
    """Whether every address of the host is loopback or private."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    addresses = [ipaddress.ip_address(address.partition("%")[0]) for address in found]
    return all(address.is_private and not address.is_link_local for address in addresses)


def _set_connection(
    source: Source, url: str, credentials: Credentials, ca_certificate: str, allow_plain_http: bool
) -> None:
    source.url = checked_address(url, allow_plain_http=allow_plain_http)
    source.ca_certificate = ca_certificate
    source.user = credentials.user
    secret = credentials.token or credentials.password
    if credentials.token:
        source.sign_in = SignIn.BEARER
    elif credentials.user:
        source.sign_in = SignIn.BASIC
    else:
        source.sign_in = SignIn.NONE
    if source.sign_in != SignIn.NONE and not secret:
        raise InvalidInput("The password is empty.", field="password")
    source.sealed_secret = seal(secret, context=source.secret_context) if secret else b""
    open_server(source)  # refuses a broken certificate now rather than in a job


def open_server(source: Source, timeouts: Timeouts = BACKGROUND) -> RemoteServer:
    """Raises SecretUnreadable where the credentials were stored under another key."""
    secret = ""
    if source.sign_in != SignIn.NONE:
        secret = unseal(bytes(source.sealed_secret), context=source.secret_context)
    is_token = source.sign_in == SignIn.BEARER
    try:
        return RemoteServer(
            name=source.name,
            url=source.url,
            credentials=Credentials(token=secret)
            if is_token
            else Credentials(user=source.user, password=secret),
            timeouts=timeouts,
            ca_certificate=source.ca_certificate,
        )
    except OSError:
        raise InvalidInput("The CA certificate is not PEM.", field="ca_certificate") from None


def search_studies(
    *,
    actor: User,
    project: Project,
    source: Source,
    filters: Mapping[str, str],
    limit: int,
    offset: int,
) -> list[Found]:
    """One page of the source's studies. A name without wildcards matches what begins with it."""
    wanted = {key: value for key, value in filters.items() if value}
    name = wanted.get("PatientName", "")
    if name and not WILDCARDS & set(name):
        wanted["PatientName"] = f"{name}*"
    server = open_server(source, INTERACTIVE)
    studies = server.search_studies(wanted, limit=limit, offset=offset)
    audit.record(
        actor=actor, action="source_searched", target=source, project_id=project.pk,
        filters=sorted(wanted), studies=len(studies),
    )  # fmt: skip
    return _marked(project, studies)


def _marked(project: Project, studies: Sequence[RemoteStudy]) -> list[Found]:
    listed = [study.study_instance_uid for study in studies]
    known = set(
        Case.objects.filter(project=project, study__study_instance_uid__in=listed).values_list(
            "study__study_instance_uid", flat=True
        )
    )
    return [Found(study, study.study_instance_uid in known) for study in studies]


def list_series(*, source: Source, study_uid: str) -> list[Any]:
    """The series of one study of the source."""
    return open_server(source, INTERACTIVE).list_series(study_uid)


def preview_of(*, source: Source, study_uid: str, series_uid: str) -> Preview | None:
    """A picture from the middle of the series; None where the source draws none."""
    server = open_server(source, INTERACTIVE)
    instances = list(server.list_instances(study_uid, series_uid).values())
    if not instances:
        return None
    try:
        drawn = server.picture(instances[len(instances) // 2])
    except RemoteFailure as failure:
        if type(failure) is not RemoteFailure:
            raise
        return None
    return Preview(*drawn) if drawn else None
