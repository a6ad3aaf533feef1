"""STOW-RS: stores instances from a streamed multipart body (PS3.18 §10.5)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse

from annotation.archive import storage
from annotation.archive.models import Study
from annotation.archive.services.ingest import Ingested, ingest_received
from annotation.core import audit
from annotation.core.errors import (
    DomainError,
    InstanceConflict,
    InvalidInput,
    NotAllowed,
    OtherStudy,
    StorageFull,
)
from annotation.dicomweb import dicomjson
from annotation.dicomweb.dicomjson import JsonDataset, text
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.multipart import BrokenMultipart, Reader, boundary_of
from annotation.labeling import access
from annotation.labeling.models import Membership, Project, Role
from annotation.labeling.services.projects import add_cases

ROOT_TYPE = "application/dicom"
PIECE_BYTES = 2**20
CANNOT_UNDERSTAND = 0xC000
OUT_OF_RESOURCES = 0xA700
NOT_AUTHORIZED_CONTENT = 0x0111  # duplicate SOP Instance with other content
OTHER_STUDY = 0xA900


class UnsupportedMedia(DomainError):
    """The body is of a type that cannot be stored."""

    status = 415
    code = "unsupported_media_type"


@dataclass
class Outcome:
    """What became of each part."""

    stored: list[Ingested] = field(default_factory=list)
    failed: list[JsonDataset] = field(default_factory=list)
    unreadable: list[JsonDataset] = field(default_factory=list)

    @property
    def status(self) -> int:
        is_clean = not self.failed and not self.unreadable
        if self.stored:
            return 200 if is_clean else 202
        return 409 if not is_clean else 400


@dicomweb
def store(scope: Scope, study_uid: str | None = None) -> HttpResponse:
    """Store every readable instance; the answer tells part by part what happened."""
    project = _project(scope)
    outcome = Outcome()
    try:
        _receive(scope.request, project, study_uid, outcome)
    finally:  # also when the client goes away: what was stored must not lie there unseen
        _attach(scope, project, outcome)
    body = json.dumps(_answer(scope, outcome), ensure_ascii=False)
    return HttpResponse(body, status=outcome.status, content_type="application/dicom+json")


def _project(scope: Scope) -> Project:
    """The root's project, or the only one that the caller manages."""
    if scope.project is not None:
        access.require(scope.user, scope.project, access.MANAGERS)
        return scope.project
    managed = Membership.objects.filter(user_id=scope.user.pk, role=Role.MANAGER)
    found = [m.project for m in managed.select_related("project")[:2]]
    if len(found) != 1:
        raise NotAllowed("Store to a project's root that you manage: /dicomweb/projects/{id}.")
    return found[0]


def _attach(scope: Scope, project: Project, outcome: Outcome) -> None:
    """Make cases of the stored studies and record who stored how much."""
    studies: dict[Any, Study] = {i.study.pk: i.study for i in outcome.stored}
    add_cases(project=project, studies=studies.values())
    if any(i.is_new for i in outcome.stored):
        audit.record(
            actor=scope.user, action="instances_stored", target=project, project_id=project.pk,
            new=sum(i.is_new for i in outcome.stored),
        )  # fmt: skip


def _receive(
    request: HttpRequest, project: Project, study_uid: str | None, outcome: Outcome
) -> None:
    current: list[storage.Incoming] = []

    def begin(part_type: str) -> None:
        if part_type not in ("", ROOT_TYPE):
            raise UnsupportedMedia(f"A part is {part_type[:60]}, not {ROOT_TYPE}.")
        current.append(storage.Incoming())

    def end() -> None:
        incoming = current.pop()
        try:
            _store_part(incoming, project, study_uid, outcome)
        finally:
            incoming.discard()

    try:
        boundary = boundary_of(request.headers.get("Content-Type", ""), ROOT_TYPE)
        reader = Reader(
            boundary, on_part=begin, on_data=lambda data: current[-1].write(data), on_end=end
        )
        for piece in body_pieces(request):
            reader.feed(piece)
        reader.finish()
    except LookupError as error:
        raise UnsupportedMedia(str(error)) from None
    except BrokenMultipart as error:
        if not outcome.stored:
            raise InvalidInput(f"The body is not well formed: {error}.") from None
        outcome.unreadable.append({"00081197": text("US", CANNOT_UNDERSTAND)})
    finally:
        for incoming in current:
            incoming.discard()


def body_pieces(request: HttpRequest) -> Iterator[bytes]:
    """The body in pieces; chunked ones too, of which Django itself sees nothing under WSGI."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMedia("Compressed request bodies are not accepted.")
    source: Any = request
    if request.META.get("wsgi.input_terminated") and not request.META.get("CONTENT_LENGTH"):
        source = request.META["wsgi.input"]
    while piece := source.read(PIECE_BYTES):
        yield piece


def _store_part(
    incoming: storage.Incoming, project: Project, study_uid: str | None, outcome: Outcome
) -> None:
    try:
        ingested = ingest_received(
            collection=project.collection, received=incoming.finish(), study_uid=study_uid
        )
    except InstanceConflict as error:
        outcome.failed.append(
            {
                "00081155": text("UI", error.extra["sop_instance_uid"]),
                "00081197": text("US", NOT_AUTHORIZED_CONTENT),
                "00000902": text("LO", error.detail),
            }
        )
    except OtherStudy as error:
        outcome.failed.append(
            {
                "00081150": text("UI", error.extra["sop_class_uid"]),
                "00081155": text("UI", error.extra["sop_instance_uid"]),
                "00081197": text("US", OTHER_STUDY),
            }
        )
    except StorageFull:
        raise
    except DomainError as error:
        outcome.unreadable.append(
            {"00081197": text("US", CANNOT_UNDERSTAND), "00000902": text("LO", error.detail[:200])}
        )
    else:
        outcome.stored.append(ingested)


def _answer(scope: Scope, outcome: Outcome) -> JsonDataset:
    body: JsonDataset = {}
    if outcome.stored:
        uid = outcome.stored[0].study.study_instance_uid
        body["00081190"] = text("UR", dicomjson.study_url(scope.base_url, uid))
        body["00081199"] = text("SQ", *(_stored(scope, i) for i in outcome.stored))
    if outcome.failed:
        body["00081198"] = text("SQ", *outcome.failed)
    if outcome.unreadable:
        body["0008119A"] = text("SQ", *outcome.unreadable)
    return body


def _stored(scope: Scope, ingested: Ingested) -> JsonDataset:
    instance = ingested.instance
    return {
        "00081150": text("UI", instance.sop_class_uid),
        "00081155": text("UI", instance.sop_instance_uid),
        "00081190": text("UR", dicomjson.instance_url(scope.base_url, instance)),
    }
