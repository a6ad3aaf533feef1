"""What a frozen dataset holds, item by item, and whether its reads and images are as they were."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import (
    Exists,
    F,
    Func,
    JSONField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    UUIDField,
    Value,
)

from annotation.archive.models import Instance
from annotation.archive.selectors import has_more_images
from annotation.core.errors import InvalidInput
from annotation.datasets.models import Dataset, DatasetItem
from annotation.labeling.models import Case, LabelSchema, Revision
from annotation.labeling.schemas import Question, Schema
from annotation.labeling.schemas.answers import CANNOT_ASSESS
from annotation.labeling.services.reading import content_sha256

# What an answer may be beside an option; no key of an option begins with ~.
NO_ANSWER = "~none"  # given by nobody, or without a majority
NOT_ASSESSED = "~cannot_assess"
NO_OPTION = "~no_option"  # none of many
ITEMS_AT_ONCE = 10_000  # whose revisions one query names


@dataclass(frozen=True)
class FrozenRead:
    """A read of an item, and whether its content is still the one that was frozen."""

    revision: Revision
    sha256: str | None  # as frozen; the first datasets did not keep it
    is_unchanged: bool | None  # None where there is nothing to compare with
    has_newer: bool  # the reader has handed in again since


@dataclass(frozen=True)
class HeldImages:
    """The images that the archive holds now of an item's study."""

    count: int
    sha256: str  # over the sorted hashes of its instances, as `DatasetItem.images_sha256`
    is_unchanged: bool


def find_items(
    dataset: Dataset, *, names_patients: bool, split: str = "", answer: str = "", search: str = ""
) -> QuerySet[DatasetItem]:
    """The items in the order of exports, with case and study.

    `answer` is `question:option`, or one of the constants above for the option; raises InvalidInput
    where the schema has no such answer. `search` is a part of what lists call the case (the PatientID
    only with `names_patients`), the begin of the patient's pseudonym, or the case's id.
    """
    cases = Case.objects.select_related("study").defer("study__dicom_json")
    items = dataset.items.order_by("case_id").prefetch_related(Prefetch("case", cases))
    if split:
        items = items.filter(split=split)
    if answer:
        items = _with_answer(items, dataset.schema.schema, answer)
    if search:
        items = items.filter(_is_called(search, names_patients=names_patients))
    return items


def _with_answer(
    items: QuerySet[DatasetItem], schema: Schema, answer: str
) -> QuerySet[DatasetItem]:
    key, _, option = answer.partition(":")
    question = next((one for one in schema.study_questions if one.key == key), None)
    if question is None:
        raise InvalidInput("Unknown filter.", field="answer")
    told = Func(F("answers"), Value(key), function="jsonb_extract_path", output_field=JSONField())
    return items.alias(told=told).filter(_is_told(question, option))


def _is_told(question: Question, option: str) -> Q:
    if option == NO_ANSWER:
        return Q(told__isnull=True) | Q(told=_json(None))
    if option == NOT_ASSESSED:
        return Q(told=_json(CANNOT_ASSESS))
    if option == NO_OPTION:
        return Q(told=_json([]))
    if option not in question.option_keys:
        raise InvalidInput("Unknown filter.", field="answer")
    if question.kind == "many":
        return Q(told__contains=[option])
    return Q(told=_json(option))


def _json(value: Any) -> Value:
    return Value(value, JSONField())


def _is_called(search: str, *, names_patients: bool) -> Q:
    text = search.strip().removeprefix("…")
    called = Q(patient_key__startswith=text) | Q(case__study__study_instance_uid__contains=text)
    if names_patients:
        called |= Q(case__study__patient_id__icontains=text)
    try:
        return called | Q(case_id=UUID(text))
    except ValueError:
        return called


def find_frozen_reads(item: DatasetItem) -> list[FrozenRead]:
    """The reads that the item was made of, oldest first."""
    newer = Revision.objects.filter(
        annotation=OuterRef("annotation"), number__gt=OuterRef("number")
    )
    revisions = (
        Revision.objects.filter(pk__in=item.revision_ids)
        .select_related("annotation__reader", "schema")
        .annotate(has_newer=Exists(newer))
        .order_by("created_at", "pk")
    )
    frozen = dict(zip(item.revision_ids, item.contents_sha256, strict=False))
    return [_frozen_read(revision, frozen.get(revision.pk)) for revision in revisions]


def _frozen_read(revision: Any, sha256: str | None) -> FrozenRead:
    is_unchanged = None if sha256 is None else content_sha256(revision.content) == sha256
    return FrozenRead(revision, sha256, is_unchanged, revision.has_newer)


def frozen_revisions(dataset_id: UUID | None, cases: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Which revisions the dataset holds of each of these cases; without those that it has not."""
    items = DatasetItem.objects.filter(dataset=dataset_id, case__in=cases)
    return {case: set(ids) for case, ids in items.values_list("case_id", "revision_ids")}


def fetch_schemas(items: Sequence[DatasetItem]) -> None:
    """Fill `DatasetItem.schemas` of all these, with two queries for many items."""
    for start in range(0, len(items), ITEMS_AT_ONCE):
        part = items[start : start + ITEMS_AT_ONCE]
        ids = [revision for item in part for revision in item.revision_ids]
        schema_of = dict(Revision.objects.filter(pk__in=ids).values_list("pk", "schema_id"))
        by_id = LabelSchema.objects.in_bulk(set(schema_of.values()))
        for item in part:
            answered = {schema_of[revision] for revision in item.revision_ids}
            item.schemas = [by_id[one].schema for one in answered]


def fetch_disputed(items: Sequence[DatasetItem]) -> None:
    """Fill `DatasetItem.disputed` of all these, with a query for many that several readers read."""
    for start in range(0, len(items), ITEMS_AT_ONCE):
        part = items[start : start + ITEMS_AT_ONCE]
        ids = [pk for item in part if len(item.revision_ids) > 1 for pk in item.revision_ids]
        reads = Revision.objects.filter(pk__in=ids)
        answers_of = dict(reads.values_list("pk", "content__answers"))
        for item in part:
            item.disputed = item.disputed_in(
                answers_of[pk] for pk in item.revision_ids if pk in answers_of
            )


def outgrown_cases(items: QuerySet[DatasetItem]) -> set[UUID]:
    """The ids of those cases of which more images have come since a read that was frozen.

    By the reads and not by `images_sha256`, which reports change too.
    """
    reads = items.order_by().annotate(
        read=Func(F("revision_ids"), function="unnest", output_field=UUIDField())
    )
    outgrown = Revision.objects.filter(
        has_more_images("annotation__case__study", since="created_at"), pk__in=reads.values("read")
    )
    return set(outgrown.values_list("annotation__case_id", flat=True))


def find_instances(item: DatasetItem) -> QuerySet[Instance]:
    """What the archive holds of the item's study, in a fixed order, without the DICOM JSON."""
    return (
        Instance.objects.filter(series__study_id=item.case.study_id)
        .select_related("series")
        .defer("dicom_json", "series__dicom_json", "frame_index")
        .order_by("series__series_number", "series__series_instance_uid", "instance_number", "id")
    )


def held_images(item: DatasetItem) -> HeldImages:
    """How many there are now, and whether they are those that the item was frozen with."""
    now = images_sha256_of([item.case.study_id])[item.case.study_id]
    return HeldImages(find_instances(item).count(), now, now == item.images_sha256)


def images_sha256_of(studies: Iterable[UUID]) -> dict[UUID, str]:
    """For each study the SHA-256 over the sorted hashes of its instances."""
    digests: dict[UUID, Any] = {study: hashlib.sha256() for study in studies}
    rows = (
        Instance.objects.filter(series__study__in=digests)
        .order_by("sha256")
        .values_list("series__study_id", "sha256")
    )
    for study, sha256 in rows.iterator(chunk_size=5000):
        digests[study].update(sha256.encode())
    return {study: digest.hexdigest() for study, digest in digests.items()}
