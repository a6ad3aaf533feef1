"""PURE. What several readers agree on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from annotation.labeling.schemas import Question, Schema, Visibility

Answers = dict[str, Any]


def consensus(schema: Schema, reads: Sequence[Answers], scope: str = "study") -> Answers:
    """One answer per question of the scope by simple majority; None where no majority exists.

    A question of kind "many" is voted on option by option: those that are not listed are absent but for
    the `disputed` ones, and where all are disputed there is no answer. Of numbers the median counts. That
    it cannot be assessed is an answer like any other. None also where the agreed answers do not ask: who
    alone saw a nodule does not tell its size for those who saw none. Conditions look at the study, so
    that `reads` hold its answers along with those of the scope.
    """
    asked = _without_later_conditions(schema, reads)
    voted = {q.key: _vote(q, reads) for q in asked.questions if q.scope in {"study", scope}}
    shown = Visibility(asked, voted, voted)
    return {q.key: voted[q.key] if shown.is_shown(q) else None for q in asked.questions_of(scope)}


def disputed(
    schema: Schema, reads: Sequence[Answers], scope: str = "study"
) -> dict[str, frozenset[str]]:
    """By question of kind "many" of the scope the options without a majority for present or for absent,
    where there are any: of two readers those that one alone chose.

    Who could not assess the question votes for neither. Where most could not, none is disputed.
    """
    if len(reads) < 2:  # as a rule: cases are many
        return {}
    many = (q for q in schema.questions_of(scope) if q.kind == "many")
    found = {q.key: _disputed_options(q, _given(q, reads)) for q in many}
    return {key: options for key, options in found.items() if options}


def _disputed_options(question: Question, given: Sequence[Any]) -> frozenset[str]:
    assessed = _assessed(given)
    if not given or len(assessed) * 2 < len(given):
        return frozenset()
    present = _choices(question, assessed)
    return frozenset(
        key for key, n in present.items() if max(n, len(assessed) - n) * 2 <= len(given)
    )


def _without_later_conditions(schema: Schema, reads: Sequence[Answers]) -> Schema:
    """The schema as if its conditions did not look at questions that nobody answered.

    Those may have come after the reads, and hid nothing from their readers.
    """
    answered = {key for read in reads for key, answer in read.items() if answer is not None}
    if all(q.gates <= answered for q in schema.questions):  # as a rule: cases are many
        return schema
    lifted = (
        replace(q, show_if=q.show_if.without(q.gates - answered)) if q.show_if else q
        for q in schema.questions
    )
    return replace(schema, questions=tuple(lifted))


def _vote(question: Question, reads: Sequence[Answers]) -> Any:
    given = _given(question, reads)
    unassessed = [answer for answer in given if isinstance(answer, dict)]
    if not given or len(unassessed) * 2 > len(given):
        return unassessed[0] if unassessed else None
    assessed = _assessed(given)
    if question.kind == "number":
        return median(assessed)
    if question.kind == "many":
        if len(_disputed_options(question, given)) == len(question.option_keys):
            return None
        return [key for key, n in _choices(question, assessed).items() if n * 2 > len(given)]
    [(winner, votes), *_] = Counter(assessed).most_common(1)
    return winner if votes * 2 > len(given) else None


def _given(question: Question, reads: Sequence[Answers]) -> list[Any]:
    return [read[question.key] for read in reads if read.get(question.key) is not None]


def _assessed(given: Sequence[Any]) -> list[Any]:
    """Without those that say that it cannot be assessed."""
    return [answer for answer in given if not isinstance(answer, dict)]


def _choices(question: Question, assessed: Sequence[Any]) -> dict[str, int]:
    """By option how many chose it, in the question's order."""
    return {key: sum(key in answer for answer in assessed) for key in question.option_keys}
