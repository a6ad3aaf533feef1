"""Who may see why a model answers as it does, and when: the blind rules of explanations."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from annotation.core.errors import FirstImpressionMissing, NotFound, get_or_not_found
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.splitter import Splitter
from annotation.labeling import access
from annotation.labeling.models import Annotation, AnnotationState, Case
from annotation.labeling.schemas import Options
from annotation.labeling.services import projects, suggestions
from learning.models import Explanation


@dataclass(frozen=True)
class ExplainedCase:
    """A case before the eyes of one person."""

    case: Case
    read: Annotation | None  # the person's own read that is influenced; None for who supervises
    is_open: bool  # whether this person may see explanations of it now


def explained_case_for(user: Any, case_id: UUID) -> ExplainedCase:
    """The case as the person may see it explained.

    Who reads it is told from the moment that suggestions are shown, whatever their role: a reviewer
    with an unfinished read of their own reads blind too. Who supervises it is told where the project
    shows explanations at all. Cases outside the training patients are explained to nobody: they measure
    the model, so it must have no say in their labels. Raises NotFound for everybody else, and
    FirstImpressionMissing.
    """
    visible = access.cases_visible_to(user).select_related("project", "study")
    case = get_or_not_found(visible, pk=case_id)
    read = Annotation.objects.filter(reader=user, case=case).first()
    supervises = access.role_of(user, case.project) in access.REVIEWERS
    if supervises and (read is None or read.state != AnnotationState.DRAFT):
        read = None
    elif read is None:
        raise NotFound
    options = projects.options_of(case.project)
    is_shown = options.shows_explanations and (read is None or _is_told(options, read))
    return ExplainedCase(case, read, is_shown and is_training_case(case))


def explanation_for(user: Any, explanation_id: UUID) -> tuple[Explanation, ExplainedCase]:
    """A map and the case that it explains. Raises NotFound wherever the case is not explained now."""
    found = get_or_not_found(
        Explanation.objects.select_related("model_version__target"), pk=explanation_id
    )
    try:
        explained = explained_case_for(user, found.case_id)
    except FirstImpressionMissing:
        raise NotFound from None
    if not explained.is_open:
        raise NotFound
    return found, explained


def is_training_case(case: Case) -> bool:
    splitter = Splitter(datasets.policy_of(case.project))
    return splitter.split(splitter.patient_key(case)) == Split.TRAIN


def _is_told(options: Options, read: Annotation) -> bool:
    """Whether this reader may know what a model thinks. Raises FirstImpressionMissing."""
    if options.suggestions == "off" or suggestions.is_withheld(read):
        return False
    if not suggestions.are_revealed(options=options, annotation=read):
        raise FirstImpressionMissing("Commit your first impression to see explanations.")
    return True
