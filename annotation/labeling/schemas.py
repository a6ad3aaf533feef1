"""PURE. What a label schema asks, and whether answers satisfy it.

A definition is {"questions": [{"key", "label", "kind": "one"|"many", "required",
"options": [{"key", "label", "hotkey"}]}], "segments": [{"value", "label"}]}.
"""

import re
from dataclasses import dataclass
from typing import Any

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
HOTKEYS = "1234567890qweasdfghjklxcvbnmtyop"
RESERVED_HOTKEYS = frozenset("?iruz+-")  # the viewer's own keys
MAX_QUESTIONS, MAX_OPTIONS = 50, 60


class InvalidSchema(ValueError):
    """The definition is malformed; `field` is the path to the mistake."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True)
class Option:
    key: str
    label: str
    hotkey: str


@dataclass(frozen=True)
class Question:
    key: str
    label: str
    kind: str  # "one" or "many"
    required: bool
    options: tuple[Option, ...]

    @property
    def option_keys(self) -> tuple[str, ...]:
        return tuple(option.key for option in self.options)


@dataclass(frozen=True)
class Segment:
    value: int
    label: str


@dataclass(frozen=True)
class Schema:
    questions: tuple[Question, ...]
    segments: tuple[Segment, ...] = ()

    def question(self, key: str) -> Question | None:
        return next((q for q in self.questions if q.key == key), None)

    def as_json(self) -> dict[str, Any]:
        """The normalised definition: every hotkey filled in."""
        return {
            "questions": [
                {
                    "key": q.key,
                    "label": q.label,
                    "kind": q.kind,
                    "required": q.required,
                    "options": [
                        {"key": o.key, "label": o.label, "hotkey": o.hotkey} for o in q.options
                    ],
                }
                for q in self.questions
            ],
            "segments": [{"value": s.value, "label": s.label} for s in self.segments],
        }


def parse_schema(definition: Any) -> Schema:
    """Check a definition and give every option a key on the keyboard. Raises InvalidSchema."""
    body = _mapping(definition, "definition")
    questions = _sequence(body.get("questions"), "questions", MAX_QUESTIONS)
    used: set[str] = set()
    parsed = tuple(_question(q, f"questions[{i}]", used) for i, q in enumerate(questions))
    _unique([q.key for q in parsed], "questions")
    segments = tuple(
        _segment(s, f"segments[{i}]") for i, s in enumerate(body.get("segments") or [])
    )
    _unique([s.value for s in segments], "segments")
    if not parsed and not segments:
        raise InvalidSchema("questions", "a schema needs at least one question or segment")
    return Schema(parsed, segments)


def problems_of(schema: Schema, content: Any, *, is_complete: bool) -> dict[str, str]:
    """What is wrong with an annotation's content, by field; empty where nothing is."""
    if not isinstance(content, dict) or not isinstance(content.get("answers", {}), dict):
        return {"content": "must be an object with an object of answers"}
    answers: dict[str, Any] = content.get("answers", {})
    problems = {
        f"answers.{key}": "is no question of this schema"
        for key in answers
        if schema.question(str(key)) is None
    }
    for question in schema.questions:
        message = _problem_of_answer(question, answers.get(question.key), is_complete=is_complete)
        if message:
            problems[f"answers.{question.key}"] = message
    return problems


def fitting_answers(schema: Schema, content: Any) -> dict[str, Any]:
    """The answers that are valid under this schema; a read keeps the version it was begun with."""
    answers = content.get("answers", {}) if isinstance(content, dict) else {}
    return {
        q.key: answers[q.key]
        for q in schema.questions
        if q.key in answers and not _problem_of_answer(q, answers[q.key], is_complete=False)
    }


def _problem_of_answer(question: Question, answer: Any, *, is_complete: bool) -> str:
    if answer is None:
        return "needs an answer" if is_complete and question.required else ""
    if question.kind == "one":
        return "" if answer in question.option_keys else "is no option of this question"
    if not isinstance(answer, list) or len(set(map(str, answer))) != len(answer):
        return "must be a list without repeats"
    return "" if all(a in question.option_keys for a in answer) else "holds an unknown option"


def _question(raw: Any, where: str, used: set[str]) -> Question:
    body = _mapping(raw, where)
    kind = body.get("kind", "one")
    if kind not in {"one", "many"}:
        raise InvalidSchema(f"{where}.kind", "must be 'one' or 'many'")
    options = _sequence(body.get("options"), f"{where}.options", MAX_OPTIONS)
    if len(options) < (2 if kind == "one" else 1):
        raise InvalidSchema(f"{where}.options", "has too few options")
    taken = {str(o.get("hotkey")) for o in options if isinstance(o, dict) and o.get("hotkey")}
    parsed = tuple(_option(o, f"{where}.options[{i}]", used, taken) for i, o in enumerate(options))
    _unique([o.key for o in parsed], f"{where}.options")
    return Question(
        key=_key(body, where),
        label=_label(body, where),
        kind=kind,
        required=bool(body.get("required", True)),
        options=parsed,
    )


def _option(raw: Any, where: str, used: set[str], taken: set[str]) -> Option:
    body = _mapping(raw, where)
    hotkey = body.get("hotkey") or next((k for k in HOTKEYS if k not in used | taken), "")
    if hotkey and (len(str(hotkey)) != 1 or hotkey in RESERVED_HOTKEYS):
        raise InvalidSchema(
            f"{where}.hotkey", "must be one character that the viewer does not use itself"
        )
    if hotkey in used:
        raise InvalidSchema(f"{where}.hotkey", f"the key {hotkey!r} is used twice")
    used.add(hotkey)
    return Option(_key(body, where), _label(body, where), hotkey)


def _segment(raw: Any, where: str) -> Segment:
    body = _mapping(raw, where)
    value = body.get("value")
    if not isinstance(value, int) or not 1 <= value <= 255:
        raise InvalidSchema(f"{where}.value", "must be a whole number from 1 to 255")
    return Segment(value, _label(body, where))


def _key(body: dict[str, Any], where: str) -> str:
    key = body.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InvalidSchema(f"{where}.key", "must be lower-case letters, digits and _ (at most 40)")
    return key


def _label(body: dict[str, Any], where: str) -> str:
    label = body.get("label", body.get("key"))
    if not isinstance(label, str) or not 1 <= len(label) <= 200:
        raise InvalidSchema(f"{where}.label", "must be text of 1 to 200 characters")
    return label


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidSchema(where, "must be an object")
    return value


def _sequence(value: Any, where: str, limit: int) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > limit:
        raise InvalidSchema(where, f"must be a list of at most {limit}")
    return value


def _unique(values: list[Any], where: str) -> None:
    if len(set(values)) != len(values):
        raise InvalidSchema(where, "holds a key twice")
