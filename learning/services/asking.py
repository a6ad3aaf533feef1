"""Which slices a target of masks asks readers to draw, where it learns from single slices."""

from collections.abc import Sequence

from django.db.models import QuerySet

from annotation.archive import selectors as archive
from annotation.core.tasks import ring
from annotation.labeling.models import Case, CaseState
from annotation.labeling.services.asked import Asked, ask_for_slices, cases_not_asked
from learning.models import Target, TargetKind
from learning.services.naming import origin_of


def ask(target: Target, asked: Sequence[Asked | None]) -> None:
    """Ask readers for what a model found worth drawing; None: nothing was found of that case."""
    ask_for_slices(origin=origin_of(target), asked=[one for one in asked if one is not None])


def waiting(target: Target) -> QuerySet[Case]:
    """Open cases, wholly there, of which the target has not said yet what is to be drawn."""
    cases = Case.objects.filter(
        ~archive.is_arriving("study"), project=target.project_id, state=CaseState.OPEN
    )
    return cases_not_asked(cases=cases, origin=origin_of(target))


def ring_asking(target: Target) -> None:
    """Have the target's slices chosen before there is a model, where it asks for any."""
    from learning.tasks import ask_for_spread_slices

    if target.options.get("slices"):
        ring(ask_for_spread_slices, str(target.pk))


def ask_due() -> None:
    """For every target that asks for slices and has cases of which it has said nothing."""
    for target in Target.objects.filter(kind=TargetKind.SEGMENTATION, options__slices__gt=0):
        if waiting(target).exists():
            ring_asking(target)
