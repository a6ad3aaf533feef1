"""STOW-RS: stores instances from a streamed multipart body (PS3.18 §10.5)."""

import json
from typing import Any

from django.db import transaction
from django.http import HttpResponse

from annotation.archive.models import Collection, Study
from annotation.archive.services import ingest
from annotation.archive.services.ingest import Ingested
from annotation.core import audit, rows
from annotation.core.errors import DomainError, InvalidInput, NotAllowed
from annotation.dicomweb import dicomjson
from annotation.dicomweb.dicomjson import JsonDataset, text
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.incoming import Refusal, StoreBody
from annotation.labeling import access
from annotation.labeling.models import Membership, Project, Role
from annotation.labeling.services.projects import add_cases

# FailureReason and WarningReason, PS3.18 Annex I and PS3.7 Annex C
CANNOT_UNDERSTAND = 0xC000
DUPLICATE_INSTANCE = 0x0111
OTHER_STUDY = 0xA900
PROCESSING_FAILURE = 0x0110
DOES_NOT_MATCH_CLASS = 0xB007
REASONS = {
    "refused_instance": CANNOT_UNDERSTAND,
    "unsupported_media_type": CANNOT_UNDERSTAND,
    "instance_conflict": DUPLICATE_INSTANCE,
    "other_study": OTHER_STUDY,
}


class Outcome:
    """What became of each part of the body."""

    def __init__(self) -> None:
        self.stored: list[Ingested] = []
        self.failed: list[DomainError] = []

    @property
    def status(self) -> int:
        has_warnings = any(i.instance.unrenderable_reason for i in self.stored)
        if self.stored:
            return 202 if self.failed or has_warnings else 200
        return 409 if self.failed else 400


@dicomweb
def store(scope: Scope, study_uid: str | None = None) -> HttpResponse:
    """Store every readable instance; the answer tells part by part what happened."""
    project = _project(scope)
    outcome = Outcome()
    with StoreBody(scope.request, study_uid) as body:
        for batch in body.batches():
            _store_batch(scope, project, batch, outcome)
    if body.damage and not outcome.stored:
        raise InvalidInput(f"The body is not well formed: {body.damage}.")
    if body.damage:
        outcome.failed.append(InvalidInput(f"The body ended early: {body.damage}."))
    if not outcome.stored and body.is_other_media:
        raise outcome.failed[0]
    answer = json.dumps(_answer(scope, outcome), ensure_ascii=False)
    return HttpResponse(answer, status=outcome.status, content_type="application/dicom+json")


def _project(scope: Scope) -> Project:
    """The root's project, or the only one that the caller manages."""
    if scope.project is not None:
        if scope.role not in access.MANAGERS:
            raise NotAllowed("Only managers of the project may store.")
        return scope.project
    managed = Membership.objects.filter(user_id=scope.user.pk, role=Role.MANAGER)
    found = [m.project for m in managed.select_related("project__collection")[:2]]
    if len(found) != 1:
        raise NotAllowed("Store to a project's root that you manage: /dicomweb/projects/{id}.")
    return found[0]


@ingest.until_not_overtaken
@transaction.atomic
def _store_batch(
    scope: Scope, project: Project, batch: list[ingest.Arrival | Refusal], outcome: Outcome
) -> None:
    """Files, rows, cases and the audit event of one batch: all of them or none."""
    arrivals = [part for part in batch if isinstance(part, ingest.Arrival)]
    collection = Collection(pk=project.collection_id)
    with rows.pipelined():
        outcomes = ingest.index(collection=collection, arrivals=arrivals)
        stored = [o for o in outcomes if isinstance(o, Ingested)]
        studies: dict[Any, Study] = {i.study.pk: i.study for i in stored}
        if new := sum(i.is_new for i in stored):
            audit.record(
                actor=scope.user, action="instances_stored", target=project,
                project_id=project.pk, new=new,
            )  # fmt: skip
        add_cases(project=project, studies=studies.values())
    outcome.stored += stored
    outcome.failed += [part.error for part in batch if isinstance(part, Refusal)]
    outcome.failed += [o for o in outcomes if isinstance(o, DomainError)]


def _answer(scope: Scope, outcome: Outcome) -> JsonDataset:
    body: JsonDataset = {}
    if outcome.stored:
        uid = outcome.stored[0].study.study_instance_uid
        body["00081190"] = text("UR", dicomjson.study_url(scope.base_url, uid))
        body["00081199"] = text("SQ", *(_stored(scope, i) for i in outcome.stored))
    known = [e for e in outcome.failed if "sop_instance_uid" in e.extra]
    unreadable = [e for e in outcome.failed if "sop_instance_uid" not in e.extra]
    if known:
        body["00081198"] = text("SQ", *map(_failed, known))
    if unreadable:
        body["0008119A"] = text("SQ", *map(_failed, unreadable))
    return body


def _stored(scope: Scope, ingested: Ingested) -> JsonDataset:
    instance = ingested.instance
    body = {
        "00081150": text("UI", instance.sop_class_uid),
        "00081155": text("UI", instance.sop_instance_uid),
        "00081190": text("UR", dicomjson.instance_url(scope.base_url, instance)),
    }
    if instance.unrenderable_reason:
        body["00081196"] = text("US", DOES_NOT_MATCH_CLASS)
        body["00000902"] = text("LO", instance.unrenderable_reason[:200])
    return body


def _failed(error: DomainError) -> JsonDataset:
    body = {
        "00081197": text("US", REASONS.get(error.code, PROCESSING_FAILURE)),
        "00000902": text("LO", error.detail[:200]),
    }
    for tag, name in (("00081150", "sop_class_uid"), ("00081155", "sop_instance_uid")):
        if name in error.extra:
            body[tag] = text("UI", error.extra[name])
    return body
