"""What a head had said of a case before its label came, and how the case came to be read.

What is held against it is the label as it stands: reads are corrected, taken back and outvoted.
A ranked case is the matter of the head that drew it, however late its read is finished: if slow reads
lost their chances, the weighted error would be that of the quick ones.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery

from annotation.labeling.models import Assignment, AssignmentState, Selection
from learning.heads.head import Head
from learning.models import HeadPick, HeadVersion, Outcome, Target
from learning.services.knowledge import Knowledge

CHUNK = 20_000
LABEL_FIELDS = ("answer", "labels", "number")
# Of an outcome whose case has lost its label
NO_LABEL: dict[str, Any] = {"answer": "", "labels": [], "number": None}


@dataclass(frozen=True)
class Served:
    """How a case came to be read: its arm, and where it stood in whose front with which chance."""

    selection: str
    head: HeadVersion | None = None  # that drew it
    place: int | None = None
    propensity: float | None = None


def head_of(version: HeadVersion | None, encoder_id: UUID, classes: Sequence[str]) -> Head | None:
    """The version's head, where it speaks of the same vectors and answers."""
    if version is None or not version.content or version.encoder_id != encoder_id:
        return None
    return Head.from_bytes(bytes(version.content)) if version.classes == classes else None


def outcomes_of_new_labels(
    target: Target, known: Knowledge, former: HeadVersion | None
) -> list[Outcome]:
    """Of the training cases whose labels are new: what the head said that drew them, or else the
    former one. Neither has seen their labels.
    """
    seen = set(Outcome.objects.filter(target=target).values_list("case_id", flat=True))
    rows = {known.space.cases[row]: row for row in known.labeled}
    new = {case: row for case, row in rows.items() if case not in seen}
    served = _served(target, list(new))
    cases_of: dict[HeadVersion | None, list[UUID]] = defaultdict(list)
    for case in new:
        drawn_by = served[case].head if case in served else None
        cases_of[drawn_by or former].append(case)
    found: list[Outcome] = []
    for version, cases in cases_of.items():
        found += _outcomes(target, known, version, {case: new[case] for case in cases}, served)
    return found


def outcomes_of_changed_labels(target: Target, known: Knowledge) -> list[Outcome]:
    """Those with a prediction whose case has another label by now, or none, with it; nothing is saved.

    Of cases without a vector of this encoder nothing is known, and they stay as they are.
    """
    row_of = {case: row for row, case in enumerate(known.space.cases)}
    classes_of = dict(target.heads.values_list("pk", "classes"))
    rows = Outcome.objects.filter(target=target, said__isnull=False).values_list(
        "pk", "case_id", "head_id", *LABEL_FIELDS
    )
    found = []
    for pk, case, head, *kept in rows.iterator(chunk_size=CHUNK):
        if case not in row_of:
            continue
        label = _label_now(known, row_of[case], classes_of[head])
        if kept != [label[name] for name in LABEL_FIELDS]:
            found.append(Outcome(pk=pk, **label))
    return found


def _label_now(known: Knowledge, row: int, head_classes: Sequence[str]) -> dict[str, Any]:
    if not known.is_known[row]:
        return NO_LABEL
    label = known.kind.kept(known.labels[row], known.classes, head_classes)
    return {"answer": "", "labels": None, "number": None, **label} if label else NO_LABEL


def _outcomes(
    target: Target, known: Knowledge, version: HeadVersion | None, rows: Mapping[UUID, int],
    served: Mapping[UUID, Served],
) -> list[Outcome]:  # fmt: skip
    """Without a prediction, and so without a chance, where the head can say nothing."""
    head = head_of(version, known.encoder_id, known.classes)
    foreseen: Sequence[Any] = [None] * len(rows)
    if head and rows:
        foreseen = known.kind.said(head, known.space.vectors[list(rows.values())]).tolist()
    found = []
    for (case, row), said in zip(rows.items(), foreseen, strict=True):
        draw = served.get(case, Served(Selection.INITIAL))
        is_drawn = said is not None and draw.head is not None
        found.append(
            Outcome(
                target=target, case_id=case, head=version if said else None, said=said,
                selection=draw.selection,
                place=draw.place if is_drawn else None,
                propensity=draw.propensity if is_drawn else None,
                pool_size=draw.head.pool_size if is_drawn and draw.head else None,
                **known.kind.kept(known.labels[row], known.classes, known.classes),
            )
        )  # fmt: skip
    return found


def _served(target: Target, cases: Sequence[UUID]) -> Mapping[UUID, Served]:
    """By case, from the first read of each that was handed in.

    It was drawn when its reader got the case first, however often they came back to it.
    """
    of_reader = Assignment.objects.filter(case=OuterRef("case"), reader=OuterRef("reader"))
    assignments = (
        Assignment.objects.filter(case__in=cases, state=AssignmentState.SUBMITTED)
        .annotate(drawn_at=Subquery(of_reader.order_by("created_at").values("created_at")[:1]))
        .order_by("-created_at")
    )
    terms = _terms(target)
    picks: dict[UUID, list[HeadPick]] = defaultdict(list)
    for pick in HeadPick.objects.filter(head__in=terms, case__in=cases).select_related("head"):
        picks[pick.case_id].append(pick)
    found: dict[UUID, Served] = {}
    rows = assignments.values_list("case_id", "selection", "ranking_id", "drawn_at")
    for case, selection, ranking, drawn_at in rows:
        found[case] = Served(selection)
        for pick in picks[case] if selection == Selection.RANKED else ():
            # Another target's head may have put it into the reader's hands: it was drawn all the same.
            is_by_head = pick.head_id == ranking or ranking not in terms
            if is_by_head and terms[pick.head_id].holds(drawn_at, is_known=ranking in terms):
                found[case] = Served(selection, pick.head, pick.place, pick.propensity)
    return found


@dataclass(frozen=True)
class Term:
    """From when to when a head's front was served."""

    begin: datetime
    end: datetime | None

    def holds(self, moment: datetime, *, is_known: bool) -> bool:
        """Whether it was being served; `is_known`: it had begun, whatever two machines' clocks say."""
        has_begun = is_known or self.begin <= moment
        return has_begun and (self.end is None or moment <= self.end)


def _terms(target: Target) -> dict[UUID, Term]:
    """Until the next head took over: what a head left over was not served by its draw."""
    made = list(target.heads.order_by("number").values_list("pk", "created_at"))
    ends = (created for _, created in made[1:])
    return {pk: Term(created, end) for (pk, created), end in zip_longest(made, ends)}
