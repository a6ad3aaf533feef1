"""PURE. What several readers agree on."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from annotation.labeling.schemas import Question, Schema

Answers = dict[str, Any]


def consensus(schema: Schema, reads: Sequence[Answers]) -> Answers:
    """One answer per question by simple majority; None where no majority exists.

    A question of kind "many" is voted on option by option.
    """
    return {question.key: _vote(question, reads) for question in schema.questions}


def _vote(question: Question, reads: Sequence[Answers]) -> Any:
    given = [read[question.key] for read in reads if read.get(question.key) is not None]
    if not given:
        return None
    if question.kind == "one":
        winner, votes = Counter(given).most_common(1)[0]
        return winner if votes * 2 > len(given) else None
    return [key for key in question.option_keys if sum(key in g for g in given) * 2 > len(given)]
