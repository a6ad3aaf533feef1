"""PURE. When a question is shown or required: a small expression over other answers."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from annotation.labeling.schemas.raw import InvalidSchema, is_number, mapping, sequence

MAX_DEPTH, MAX_PARTS = 8, 20
ATOMS = ("is", "any_of", "at_least")
JOINTS = ("all", "any", "not")


class Answerable(Protocol):
    """What a condition has to know of a question."""

    @property
    def kind(self) -> str: ...
    @property
    def option_keys(self) -> tuple[str, ...]: ...


# The question of a key and its answer; None for an answer that is absent or hidden.
Asked = Callable[[str], tuple[Answerable | None, Any]]


@dataclass(frozen=True)
class Condition:
    """One node: an atom compares a question's answer with `value`, a joint combines `parts`."""

    operator: str
    question: str = ""
    value: Any = None
    parts: tuple["Condition", ...] = ()

    def as_json(self) -> dict[str, Any]:
        if self.operator in ATOMS:
            return {"question": self.question, self.operator: self.value}
        if self.operator == "not":
            return {"not": self.parts[0].as_json()}
        return {self.operator: [part.as_json() for part in self.parts]}

    def atoms(self, where: str = "") -> Iterator[tuple[str, "Condition"]]:
        """The atoms with their paths below `where`."""
        if self.operator in ATOMS:
            yield where, self
        for number, part in enumerate(self.parts):
            place = ".not" if self.operator == "not" else f".{self.operator}[{number}]"
            yield from part.atoms(where + place)

    def without(self, questions: Collection[str]) -> "Condition | None":
        """The condition as if it did not look at these questions; None where nothing is left of it."""
        if self.operator in ATOMS:
            return None if self.question in questions else self
        parts = tuple(left for part in self.parts if (left := part.without(questions)))
        return replace(self, parts=parts) if parts else None


def parse_condition(raw: Any, where: str, depth: int = 0) -> Condition | None:
    """The condition, or None where there is none. Raises InvalidSchema."""
    if raw is None:
        return None
    body = mapping(raw, where)
    if depth > MAX_DEPTH:
        raise InvalidSchema(where, f"is nested more than {MAX_DEPTH} deep")
    found = [name for name in (*ATOMS, *JOINTS) if name in body]
    expected = {"question", *found} if set(found) & set(ATOMS) else set(found)
    if len(found) != 1 or set(body) != expected:
        raise InvalidSchema(where, f"must be a question with one of {ATOMS}, or one of {JOINTS}")
    [operator] = found
    if operator in ATOMS:
        return _atom(operator, body, where)
    return Condition(operator, parts=_parts(operator, body[operator], where, depth))


def holds(condition: Condition, asked: Asked) -> bool:
    """Whether it holds; an atom over an answer that is absent or hidden is false."""
    if condition.operator == "not":
        return not holds(condition.parts[0], asked)
    if condition.operator in JOINTS:
        quantifier = all if condition.operator == "all" else any
        return quantifier(holds(part, asked) for part in condition.parts)
    question, answer = asked(condition.question)
    if question is None or answer is None:
        return False
    return _ATOMS[condition.operator](question, answer, condition.value)


def _parts(operator: str, raw: Any, where: str, depth: int) -> tuple[Condition, ...]:
    if operator == "not":
        places = [(f"{where}.not", raw)]
    else:
        listed = sequence(raw, f"{where}.{operator}", MAX_PARTS)
        places = [(f"{where}.{operator}[{i}]", part) for i, part in enumerate(listed)]
    parts = [parse_condition(part, place, depth + 1) for place, part in places]
    if not parts or None in parts:
        raise InvalidSchema(f"{where}.{operator}", "must hold conditions")
    return tuple(part for part in parts if part is not None)


def _atom(operator: str, body: dict[str, Any], where: str) -> Condition:
    value = body[operator]
    if operator == "any_of" and not (isinstance(value, list) and value):
        raise InvalidSchema(f"{where}.any_of", "must be a list of options")
    if operator == "at_least" and not is_number(value):
        raise InvalidSchema(f"{where}.at_least", "must be a number")
    if not isinstance(body["question"], str):
        raise InvalidSchema(f"{where}.question", "must be the key of a question")
    return Condition(operator, body["question"], value)


def _is(question: Answerable, answer: Any, value: Any) -> bool:
    if question.kind == "many" and isinstance(answer, list) and isinstance(value, list):
        return sorted(map(str, answer)) == sorted(map(str, value))
    return bool(answer == value)


def _any_of(_question: Answerable, answer: Any, value: Any) -> bool:
    given = answer if isinstance(answer, list) else [answer]
    return any(one in value for one in given)


def _at_least(_question: Answerable, answer: Any, value: Any) -> bool:
    return is_number(answer) and bool(answer >= value)


_ATOMS = {"is": _is, "any_of": _any_of, "at_least": _at_least}
