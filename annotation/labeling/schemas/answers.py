"""PURE. Whether one answer fits its question, and which questions are asked at all."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from annotation.labeling.schemas.conditions import Answerable, holds
from annotation.labeling.schemas.definition import Question, Schema
from annotation.labeling.schemas.raw import is_number, is_text

MAX_TEXT = 20_000
CANNOT_ASSESS = {"cannot_assess": True}
Answers = Mapping[str, Any]


def problem_of_answer(question: Question, answer: Any) -> str:
    """Why the answer does not fit, or nothing; None stands for no answer, which fits."""
    if answer is None:
        return ""
    if isinstance(answer, dict):
        if answer != CANNOT_ASSESS or answer["cannot_assess"] is not True:
            return "must be an answer"
        return "" if question.allows_cannot_assess else "cannot be left unassessed"
    return _CHECKS[question.kind](question, answer)


def problems_of_answers(
    schema: Schema,
    answers: Any,
    *,
    asked: Iterable[Question],
    study_answers: Answers,
    is_complete: bool,
) -> dict[str, str]:
    """What is wrong with the answers to the questions `asked`, by key of the question.

    Conditions see these answers and those of the study. Answers to hidden questions are kept in
    drafts, so that nothing is lost when a reader changes her mind, and refused on completion.
    """
    if not isinstance(answers, dict):
        return {"": "must be an object of answers"}
    by_key = {q.key: q for q in asked}
    problems = {str(key): "is not asked here" for key in answers if key not in by_key}
    problems |= {
        key: "is no question of this schema" for key in problems if not schema.question(key)
    }
    visible = Visibility(schema, {**study_answers, **answers}, {*by_key, *study_answers})
    for question in by_key.values():
        answer = answers.get(question.key)
        message = problem_of_answer(question, answer)
        if not message and is_complete:
            message = visible.problem_of_completeness(question, answer)
        if message:
            problems[question.key] = message
    return problems


class Visibility:
    """Which questions are shown, given answers; each is decided once."""

    def __init__(self, schema: Schema, answers: Answers, known: Iterable[str]) -> None:
        self._schema = schema
        self._answers = answers
        self._known = set(known)
        self._shown: dict[str, bool] = {}

    def is_shown(self, question: Question) -> bool:
        """Whether show_if holds; a condition on a hidden question does not."""
        if question.key not in self._shown:
            condition = question.show_if
            self._shown[question.key] = condition is None or holds(condition, self._asked)
        return self._shown[question.key]

    def is_required(self, question: Question) -> bool:
        if not self.is_shown(question):
            return False
        condition = question.required_if
        return question.required or (condition is not None and holds(condition, self._asked))

    def problem_of_completeness(self, question: Question, answer: Any) -> str:
        """Why a reading with this answer cannot be handed in, or nothing."""
        is_missing = answer is None or (isinstance(answer, str) and not answer.strip())
        if is_missing:
            return "needs an answer" if self.is_required(question) else ""
        return "" if self.is_shown(question) else "is not asked, given the other answers"

    def _asked(self, key: str) -> tuple[Answerable | None, Any]:
        question = self._schema.question(key)
        if question is None or key not in self._known or not self.is_shown(question):
            return None, None
        return question, self._answers.get(key)


def _problem_of_one(question: Question, answer: Any) -> str:
    return "" if answer in question.option_keys else "is no option of this question"


def _problem_of_many(question: Question, answer: Any) -> str:
    is_list = isinstance(answer, list) and all(isinstance(a, str) for a in answer)
    if not is_list or len(set(answer)) != len(answer):
        return "must be a list without repeats"
    return "" if all(a in question.option_keys for a in answer) else "holds an unknown option"


def _problem_of_number(question: Question, answer: Any) -> str:
    if not is_number(answer):
        return "must be a number"
    if question.minimum is not None and answer < question.minimum:
        return f"must be at least {question.minimum:g}"
    if question.maximum is not None and answer > question.maximum:
        return f"must be at most {question.maximum:g}"
    # Read as it is written: 0.1 has one decimal although no binary fraction is 0.1.
    exponent = Decimal(str(answer)).normalize().as_tuple().exponent
    if question.decimals is not None and -int(exponent) > question.decimals:
        return f"may have at most {question.decimals} decimals"
    return ""


def _problem_of_text(question: Question, answer: Any) -> str:
    limit = question.max_length or MAX_TEXT
    return "" if is_text(answer, at_most=limit) else f"must be text of at most {limit} characters"


_CHECKS: dict[str, Callable[[Question, Any], str]] = {
    "one": _problem_of_one,
    "ordinal": _problem_of_one,
    "many": _problem_of_many,
    "number": _problem_of_number,
    "text": _problem_of_text,
}
