"""PURE. What several readers agree on."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from annotation.labeling.schemas import Question, Schema

Answers = dict[str, Any]


def consensus(schema: Schema, reads: Sequence[Answers], scope: str = "study") -> Answers:
    """One answer per question of the scope by simple majority; None where no majority exists.

    A question of kind "many" is voted on option by option; of numbers the median counts. That it
    cannot be assessed is an answer like any other.
    """
    return {question.key: _vote(question, reads) for question in schema.questions_of(scope)}


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
