"""Freezes datasets, fixes splits, and makes export files."""

import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from annotation.accounts.models import User
from annotation.archive.clinical import clinical_headers
from annotation.core import audit
from annotation.core.errors import Conflict, InvalidInput
from annotation.core.tasks import ring
from annotation.datasets import formats, grouping, splits
from annotation.datasets.models import (
    Dataset,
    DatasetItem,
    Export,
    PatientSplit,
    Split,
    SplitPolicy,
)
from annotation.datasets.selectors import images_sha256_of
from annotation.datasets.splitter import Splitter
from annotation.labeling import selectors
from annotation.labeling.accepted import AcceptedRead, iterate_accepted_reads
from annotation.labeling.agreement import consensus
from annotation.labeling.models import LabelSchema, Project
from annotation.labeling.schemas import fitting_answers


def policy_of(project: Project) -> SplitPolicy:
    """The project's split policy, made with a fresh key at first use."""
    policy, _ = SplitPolicy.objects.get_or_create(
        project=project, defaults={"key_hex": secrets.token_hex(32)}
    )
    return policy


@transaction.atomic
def regrouped_policy(project: Project) -> SplitPolicy:
    """The split policy once the patients are grouped by the pictures prepared by now.

    Whoever is about to learn from images begins here. One at a time, until the transaction ends; the
    project's own row stays free for claims and submissions.
    """
    policy = SplitPolicy.objects.select_for_update().get(pk=policy_of(project).pk)
    grouping.regroup(policy)
    return policy


@transaction.atomic
def set_shares(*, project: Project, test_share: float, validation_share: float) -> SplitPolicy:
    """Choose the shares before the first dataset is frozen; later they are fixed."""
    policy = policy_of(project)
    _refuse_once_frozen(project)
    policy.test_share, policy.validation_share = test_share, validation_share
    policy.save()
    return policy


@transaction.atomic
def prescribe_splits(*, project: Project, split_of_patient: Mapping[str, Split]) -> int:
    """Take splits from a published benchmark, by PatientID; only before the first dataset."""
    policy = policy_of(project)
    _refuse_once_frozen(project)
    rows = [
        PatientSplit(
            policy=policy, patient_key=splits.patient_key(policy.key, patient), split=split
        )
        for patient, split in split_of_patient.items()
    ]
    PatientSplit.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["policy", "patient_key"],
        update_fields=["split"], batch_size=1000,
    )  # fmt: skip
    return len(rows)


def _refuse_once_frozen(project: Project) -> None:
    if Dataset.objects.filter(project=project).exists():
        raise Conflict("Splits are fixed once a dataset has been frozen.")


@transaction.atomic
def freeze(
    *,
    project: Project,
    name: str,
    actor: User | None,
    is_for_round: bool = False,
    keywords: Sequence[str] = (),
) -> Dataset:
    """Freeze the accepted reads of all finished cases as an immutable dataset.

    With the values of the clinical table, and those of DICOM `keywords`, as they are now.
    """
    regrouped_policy(project)
    schema = project.schemas.order_by("-version").first()
    if schema is None:
        raise Conflict("The project has no questions yet.")
    items = _collect_items(project, schema, keywords)
    if not items:
        raise Conflict("No case is finished yet, so there is nothing to freeze.")
    last = Dataset.objects.filter(project=project).aggregate(n=Max("number"))["n"] or 0
    dataset = Dataset.objects.create(
        project=project, number=last + 1, name=name or f"Dataset {last + 1}", schema=schema,
        frozen_by=actor, sha256=items_sha256(items), is_for_round=is_for_round,
    )  # fmt: skip
    for item in items:
        item.dataset = dataset
    DatasetItem.objects.bulk_create(items, batch_size=1000)
    audit.record(
        actor=actor,
        action="dataset_frozen",
        target=dataset,
        project_id=project.pk,
        items=len(items),
    )
    return dataset


def items_sha256(items: Iterable[DatasetItem]) -> str:
    """The dataset's hash: over cases, splits, answers, whole reads, images and clinical values."""
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda i: str(i.case_id)):
        line = [
            str(item.case_id), item.patient_key, item.split, item.answers,
            sorted(map(str, item.revision_ids)), item.images_sha256,
            *sorted(item.contents_sha256), *([item.clinical] if item.clinical else []),
        ]  # fmt: skip
        digest.update(json.dumps(line, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def _collect_items(
    project: Project, schema: LabelSchema, keywords: Sequence[str]
) -> list[DatasetItem]:
    reads: dict[UUID, list[AcceptedRead]] = defaultdict(list)
    for read in iterate_accepted_reads(project):
        reads[read.case_id].append(read)
    splitter = Splitter(policy_of(project))
    studies = {case_id: of_case[0].study_id for case_id, of_case in reads.items()}
    images = images_sha256_of(set(studies.values()))
    clinical = _clinical_values(project, studies, keywords)
    parsed = schema.schema
    items = []
    for case_id, of_case in reads.items():
        first = of_case[0]
        pseudonym = splitter.pseudonym(first.patient_id, first.study_instance_uid)
        items.append(
            DatasetItem(
                case_id=case_id,
                patient_key=pseudonym,
                split=splitter.split(pseudonym),
                answers=consensus(
                    parsed, [fitting_answers(parsed, {"answers": r.answers}) for r in of_case]
                ),
                revision_ids=[r.revision_id for r in of_case],
                contents_sha256=[r.sha256 for r in of_case],
                images_sha256=images[studies[case_id]],
                clinical=clinical.get(case_id, {}),
            )
        )
    return items


def _clinical_values(
    project: Project, studies: Mapping[UUID, UUID], keywords: Sequence[str]
) -> dict[UUID, dict[str, Any]]:
    """By case and source; a keyword that was asked for is there even where its value is missing."""
    found: dict[UUID, dict[str, Any]] = defaultdict(dict)
    for case, values in selectors.find_clinical_values(project, list(studies)).items():
        found[case]["table"] = values
    headers = clinical_headers(list(set(studies.values())), keywords)
    for case, study in studies.items() if keywords else ():
        found[case]["dicom"] = headers[study]
    return found


def request_export(*, actor: User, dataset: Dataset, format_name: str) -> Export:
    """The export of this format, queued if there is none: asking twice gives the same file."""
    if format_name not in formats.FORMATS:
        raise InvalidInput(f"Known formats: {', '.join(sorted(formats.FORMATS))}.", field="format")
    try:
        with transaction.atomic():
            export = Export.objects.create(dataset=dataset, format=format_name, requested_by=actor)
            audit.record(
                actor=actor, action="export_requested", target=export,
                project_id=dataset.project_id, format=format_name,
            )  # fmt: skip
            ring_export(export)
    except IntegrityError:
        return Export.objects.exclude(state__in=["failed", "cancelled"]).get(
            dataset=dataset, format=format_name
        )
    return export


def ring_export(export: Export) -> None:
    from annotation.datasets.tasks import write_export

    ring(write_export, str(export.pk))


def export_path(export: Export) -> Path:
    return Path(settings.EXPORT_ROOT) / f"{export.pk}.{formats.FORMATS[export.format].suffix}"
