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

    A question of kind "many" is voted on option by option; of numbers the median counts. That it
    cannot be assessed is an answer like any other. None also where the agreed answers do not ask: who
    alone saw a nodule does not tell its size for those who saw none. Conditions look at the study, so
    that `reads` hold its answers along with those of the scope.
    """
    asked = _without_later_conditions(schema, reads)
    voted = {q.key: _vote(q, reads) for q in asked.questions if q.scope in {"study", scope}}
    shown = Visibility(asked, voted, voted)
    return {q.key: voted[q.key] if shown.is_shown(q) else None for q in asked.questions_of(scope)}


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
    given = [read[question.key] for read in reads if read.get(question.key) is not None]
    unassessed = [answer for answer in given if isinstance(answer, dict)]
    if not given or len(unassessed) * 2 > len(given):
        return unassessed[0] if unassessed else None
    assessed = [answer for answer in given if not isinstance(answer, dict)]
    if question.kind == "number":
        return median(assessed)
    if question.kind == "many":
        return [k for k in question.option_keys if sum(k in g for g in assessed) * 2 > len(given)]
    [(winner, votes), *_] = Counter(assessed).most_common(1)
    return winner if votes * 2 > len(given) else None
