"""Pulls studies instance by instance; what the project has already is not fetched again."""

import time
from collections.abc import Mapping

from annotation.archive.answers import RemoteInstance
from annotation.archive.models import Instance, Study
from annotation.archive.remote import RemoteServer
from annotation.archive.services.ingest import ingest
from annotation.core.errors import DomainError, RemoteRefused, RemoteUnavailable, StorageFull
from annotation.labeling.models import Project, Transfer
from annotation.labeling.services.projects import add_cases
from annotation.labeling.services.transfer_report import Tally

PAUSES_S = (0.5, 3.0)  # before an instance is asked for again
MOST_EXPECTED = 10_000_000


def pull(transfer: Transfer, server: RemoteServer, tally: Tally) -> None:
    """Fetch the transfer's studies and make them cases.

    An instance that is refused is recorded and left out. Raises RemoteUnavailable,
    RemoteRefused or StorageFull where going on makes no sense.
    """
    for study_uid in transfer.study_uids:
        tally.total += _expected(server, study_uid)
        tally.report()
    for study_uid in transfer.study_uids:
        _pull_study(transfer.project, server, study_uid, tally)
        tally.save()


def _expected(server: RemoteServer, study_uid: str) -> int:
    """How many instances the source says the study has; 0 where it does not say."""
    found = server.search_studies({"StudyInstanceUID": study_uid}, limit=1)
    count = found[0].instance_count if found else None
    return min(max(count or 0, 0), MOST_EXPECTED)


def _pull_study(project: Project, server: RemoteServer, study_uid: str, tally: Tally) -> None:
    listed = server.list_instances(study_uid)
    if not listed:
        tally.fail("the source lists no instances of this study", study_uid=study_uid)
        return
    known = _known(project, study_uid, listed)
    tally.known += len(known)
    for sop_uid, instance in listed.items():
        if sop_uid not in known:
            _pull_instance(project, server, instance, tally)
            tally.report()
    stored = Study.objects.filter(collection_id=project.collection_id, study_instance_uid=study_uid)
    add_cases(project=project, studies=stored)


def _known(project: Project, study_uid: str, listed: Mapping[str, RemoteInstance]) -> set[str]:
    stored = Instance.objects.filter(
        collection_id=project.collection_id, series__study__study_instance_uid=study_uid
    )
    return listed.keys() & set(stored.values_list("sop_instance_uid", flat=True))


def _pull_instance(
    project: Project, server: RemoteServer, instance: RemoteInstance, tally: Tally
) -> None:
    try:
        ingested = _fetch(project, server, instance)
    except (RemoteRefused, StorageFull):
        raise
    except RemoteUnavailable as error:
        if not server.is_answering():
            raise
        reason = error.detail  # it answers, but not for this one
    except DomainError as error:
        reason = error.detail
    else:
        if ingested.sop_instance_uid == instance.sop_instance_uid:
            tally.new += 1
            return
        reason = "the source sent another instance than it was asked for"
    tally.fail(
        reason,
        study_uid=instance.study_instance_uid,
        sop_instance_uid=instance.sop_instance_uid,
    )


def _fetch(project: Project, server: RemoteServer, instance: RemoteInstance) -> Instance:
    """Ask again when the connection breaks in the middle; ingest keeps no half file."""
    for pause_s in PAUSES_S:
        try:
            return _ingest(project, server, instance)
        except RemoteUnavailable:
            time.sleep(pause_s)
    return _ingest(project, server, instance)


def _ingest(project: Project, server: RemoteServer, instance: RemoteInstance) -> Instance:
    chunks = server.instance_chunks(instance)
    return ingest(collection=project.collection, chunks=chunks).instance
