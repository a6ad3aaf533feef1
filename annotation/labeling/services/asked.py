"""Takes from the learning engine which slices of a case are worth drawing, and asks readers for them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from annotation.labeling.models import AskedSlices, Case
from annotation.labeling.services.claiming import is_audit

BATCH = 2000


@dataclass(frozen=True)
class Asked:
    """The slices of one series, in slice order: {"slice": "UID:frame"} and why; none: all of it."""

    case_id: UUID
    layer: int
    series_instance_uid: str
    slices: Sequence[dict[str, Any]]


def ask_for_slices(*, origin: str, asked: Sequence[Asked]) -> None:
    """Ask for these; what this origin asked of the same cases before is replaced.

    Reads that are begun keep what they were asked.
    """
    AskedSlices.objects.bulk_create(
        (
            AskedSlices(
                case_id=one.case_id, origin=origin, layer=one.layer,
                series_instance_uid=one.series_instance_uid, slices=list(one.slices),
            )
            for one in asked
        ),
        batch_size=BATCH, update_conflicts=True, unique_fields=["case", "origin"],
        update_fields=["layer", "series_instance_uid", "slices"],
    )  # fmt: skip


def withdraw_asked_slices(cases: Collection[UUID]) -> None:
    """Have these cases drawn whole by reads that begin from now on: no model may choose what is drawn."""
    AskedSlices.objects.filter(case__in=cases).exclude(slices=[]).update(slices=[])


def cases_not_asked(*, cases: QuerySet[Case], origin: str) -> QuerySet[Case]:
    """Those of which this origin has not yet said what it asks."""
    return cases.exclude(asked_slices__origin=origin)


def asked_of(case: Case) -> list[dict[str, Any]]:
    """What a read that begins now is asked to draw; of an audit, which no model may sway, the whole."""
    if is_audit(case.pk):
        return []
    rows = AskedSlices.objects.filter(case=case).exclude(slices=[]).order_by("created_at", "pk")
    return [
        {
            "layer": row.layer, "series_instance_uid": row.series_instance_uid,
            "slices": [one["slice"] for one in row.slices],
        }
        for row in rows
    ]  # fmt: skip
