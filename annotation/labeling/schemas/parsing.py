"""PURE. Checks a definition and fills its defaults in: the only way to a Schema."""

import re
from collections.abc import Iterator
from typing import Any

from annotation.labeling.schemas.answers import MAX_TEXT, problem_of_answer
from annotation.labeling.schemas.conditions import Condition, parse_condition
from annotation.labeling.schemas.definition import (
    CHOICE_KINDS,
    HOTKEYS,
    KINDS,
    PALETTE,
    REGION_KINDS,
    RESERVED_HOTKEYS,
    SCOPES,
    SUGGESTION_MODES,
    Code,
    Option,
    Options,
    Question,
    RegionLabel,
    Schema,
    Segment,
    Unit,
)
from annotation.labeling.schemas.hanging import parse_hanging
from annotation.labeling.schemas.raw import (
    InvalidSchema,
    choice,
    flag,
    is_whole,
    key_of,
    label_of,
    mapping,
    number,
    sequence,
    text,
    texts,
    unique,
)

MAX_QUESTIONS, MAX_OPTIONS, MAX_LABELS, MAX_SEGMENTS = 100, 60, 60, 255
MAX_LAYER = 15
COLOUR = re.compile(r"#[0-9a-f]{6}")
LIMITS = {
    "unit": "number", "minimum": "number", "maximum": "number", "decimals": "number",
    "max_length": "text",
}  # fmt: skip
FEWEST_OPTIONS = {"one": 2, "ordinal": 2, "many": 1}


def parse_schema(definition: Any) -> Schema:
    """Check a definition and give every option a key on the keyboard. Raises InvalidSchema."""
    body = mapping(definition, "definition")
    labels = _listed(body, "region_labels", MAX_LABELS, _region_label)
    unique([label.key for label in labels], "region_labels")
    questions = _questions(body.get("questions"), {label.key for label in labels})
    segments = _listed(body, "segments", MAX_SEGMENTS, _segment)
    unique([s.value for s in segments], "segments")
    if not questions and not segments and not labels:
        raise InvalidSchema("questions", "a schema needs a question, a region label or a segment")
    return Schema(
        questions=questions,
        segments=segments,
        region_labels=labels,
        hanging=parse_hanging(body.get("hanging")),
        options=_options(body.get("options")),
    )


def _listed(body: dict[str, Any], name: str, limit: int, parse: Any) -> tuple[Any, ...]:
    raw = sequence(body.get(name), name, limit)
    return tuple(parse(one, f"{name}[{i}]", i) for i, one in enumerate(raw))


def _questions(raw: Any, labels: set[str]) -> tuple[Question, ...]:
    listed = sequence(raw, "questions", MAX_QUESTIONS)
    hotkeys = Hotkeys(listed)
    questions = tuple(_question(q, f"questions[{i}]", hotkeys) for i, q in enumerate(listed))
    unique([q.key for q in questions], "questions")
    by_key = {q.key: q for q in questions}
    for i, question in enumerate(questions):
        where = f"questions[{i}]"
        unknown = [label for label in question.for_labels if label not in labels]
        if unknown:
            raise InvalidSchema(f"{where}.for_labels", f"there is no region label {unknown[0]!r}")
        for name, condition in question.conditions:
            _check_condition(question, condition, f"{where}.{name}", by_key)
    _refuse_cycles(questions, by_key)
    return questions


class Hotkeys:
    """Gives out the keys of the keyboard, once each; keys that the definition names come first."""

    def __init__(self, questions: list[Any]) -> None:
        self._used: set[str] = set()
        self._named = set(_named_hotkeys(questions))

    def take(self, raw: Any, where: str, *, is_given: bool) -> str:
        if raw is not None and not isinstance(raw, str):
            raise InvalidSchema(f"{where}.hotkey", "must be one character")
        if not is_given:
            if raw:
                raise InvalidSchema(f"{where}.hotkey", "only questions on the study have keys")
            return ""
        hotkey = raw or next((k for k in HOTKEYS if k not in self._used | self._named), "")
        if hotkey and (len(hotkey) != 1 or not hotkey.isprintable() or hotkey in RESERVED_HOTKEYS):
            raise InvalidSchema(
                f"{where}.hotkey", "must be one character that the viewer does not use itself"
            )
        if hotkey in self._used:
            raise InvalidSchema(f"{where}.hotkey", f"the key {hotkey!r} is used twice")
        self._used |= {hotkey} - {""}
        return hotkey


def _named_hotkeys(questions: list[Any]) -> Iterator[str]:
    for question in questions:
        options = question.get("options") if isinstance(question, dict) else None
        for option in options if isinstance(options, list) else []:
            hotkey = option.get("hotkey") if isinstance(option, dict) else None
            if isinstance(hotkey, str) and hotkey:
                yield hotkey


def _question(raw: Any, where: str, hotkeys: Hotkeys) -> Question:
    body = mapping(raw, where)
    kind = choice(body.get("kind"), f"{where}.kind", KINDS, "one")
    scope = choice(body.get("scope"), f"{where}.scope", SCOPES, "study")
    required_if = parse_condition(body.get("required_if"), f"{where}.required_if")
    question = Question(
        kind=kind,
        scope=scope,
        options=_question_options(body, where, kind, hotkeys, is_given=scope == "study"),
        key=key_of(body, where),
        label=label_of(body, where),
        help=text(body.get("help"), f"{where}.help", at_most=2000),
        required=flag(body, "required", where, default=required_if is None),
        required_if=required_if,
        show_if=parse_condition(body.get("show_if"), f"{where}.show_if"),
        default=body.get("default"),
        is_normal=body.get("is_normal"),
        allows_cannot_assess=flag(body, "allows_cannot_assess", where, default=False),
        code=_code(body.get("code"), f"{where}.code"),
        for_labels=texts(body.get("for_labels"), f"{where}.for_labels", limit=60, at_most=40),
        **_limits(body, where, kind),
    )
    if question.for_labels and scope != "region":
        raise InvalidSchema(f"{where}.for_labels", "is for questions on regions")
    for name in ("default", "is_normal"):
        problem = problem_of_answer(question, getattr(question, name))
        if problem:
            raise InvalidSchema(f"{where}.{name}", problem)
    return question


def _question_options(
    body: dict[str, Any], where: str, kind: str, hotkeys: Hotkeys, *, is_given: bool
) -> tuple[Option, ...]:
    raw = sequence(body.get("options"), f"{where}.options", MAX_OPTIONS)
    if kind not in CHOICE_KINDS:
        if raw:
            raise InvalidSchema(f"{where}.options", f"a question of kind {kind} has none")
        return ()
    if len(raw) < FEWEST_OPTIONS[kind]:
        raise InvalidSchema(f"{where}.options", "has too few options")
    parsed = []
    for i, one in enumerate(raw):
        place = f"{where}.options[{i}]"
        option = mapping(one, place)
        hotkey = hotkeys.take(option.get("hotkey"), place, is_given=is_given)
        code = _code(option.get("code"), f"{place}.code")
        parsed.append(Option(key_of(option, place), label_of(option, place), hotkey, code))
    unique([o.key for o in parsed], f"{where}.options")
    return tuple(parsed)


def _limits(body: dict[str, Any], where: str, kind: str) -> dict[str, Any]:
    """What bounds numbers and texts; refused where it would mean nothing."""
    for name, kind_of_limit in LIMITS.items():
        if kind != kind_of_limit and body.get(name) is not None:
            raise InvalidSchema(f"{where}.{name}", f"a question of kind {kind} has none")
    if kind == "text":
        length = 4000 if body.get("max_length") is None else body["max_length"]
        if not is_whole(length, 1, MAX_TEXT):
            raise InvalidSchema(f"{where}.max_length", f"must be from 1 to {MAX_TEXT}")
        return {"max_length": length}
    if kind != "number":
        return {}
    minimum = number(body.get("minimum"), f"{where}.minimum")
    maximum = number(body.get("maximum"), f"{where}.maximum")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise InvalidSchema(f"{where}.maximum", "must not be below the minimum")
    decimals = body.get("decimals")
    if decimals is not None and not is_whole(decimals, 0, 6):
        raise InvalidSchema(f"{where}.decimals", "must be from 0 to 6")
    unit = _unit(body.get("unit"), f"{where}.unit")
    return {"minimum": minimum, "maximum": maximum, "decimals": decimals, "unit": unit}


def _unit(raw: Any, where: str) -> Unit | None:
    if raw is None:
        return None
    body = mapping(raw, where)
    code = text(body.get("code"), f"{where}.code", at_least=1, at_most=20)
    return Unit(code, text(body.get("label", code), f"{where}.label", at_least=1, at_most=20))


def _code(raw: Any, where: str) -> Code | None:
    if raw is None:
        return None
    body = mapping(raw, where)
    return Code(
        system=text(body.get("system"), f"{where}.system", at_least=1, at_most=40),
        value=text(body.get("value"), f"{where}.value", at_least=1, at_most=64),
        meaning=text(body.get("meaning"), f"{where}.meaning", at_most=200),
    )


def _check_condition(
    question: Question, condition: Condition, where: str, by_key: dict[str, Question]
) -> None:
    """Every atom asks a question that can be seen from here, for an answer that it can have."""
    for place, atom in condition.atoms(where):
        other = by_key.get(atom.question)
        if other is None:
            raise InvalidSchema(f"{place}.question", f"there is no question {atom.question!r}")
        if other.scope not in {"study", question.scope}:
            raise InvalidSchema(f"{place}.question", "is asked of something else")
        problem = _problem_of_atom(other, atom)
        if problem:
            raise InvalidSchema(f"{place}.{atom.operator}", problem)


def _problem_of_atom(other: Question, atom: Condition) -> str:
    if atom.operator == "is":
        return "must be an answer" if atom.value is None else problem_of_answer(other, atom.value)
    if atom.operator == "any_of":
        is_known = all(v in other.option_keys for v in atom.value)
        return "" if is_known else f"holds no options of {other.key}"
    return "" if other.kind == "number" else "only numbers can be compared"


def _refuse_cycles(questions: tuple[Question, ...], by_key: dict[str, Question]) -> None:
    """Questions that wait for one another would never be decided."""
    done: set[str] = set()

    def visit(question: Question, path: tuple[str, ...]) -> None:
        if question.key in done:
            return
        for name, condition in question.conditions:
            for _, atom in condition.atoms():
                if atom.question in {*path, question.key}:
                    place = next(i for i, q in enumerate(questions) if q.key == question.key)
                    field = f"questions[{place}].{name}"
                    raise InvalidSchema(field, f"depends on itself through {atom.question!r}")
                visit(by_key[atom.question], (*path, question.key))
        done.add(question.key)

    for question in questions:
        visit(question, ())


def _region_label(raw: Any, where: str, place: int) -> RegionLabel:
    body = mapping(raw, where)
    kinds = sequence(body.get("kinds"), f"{where}.kinds", len(REGION_KINDS))
    if body.get("kinds") == [] or any(kind not in REGION_KINDS for kind in kinds):
        raise InvalidSchema(f"{where}.kinds", f"may hold {', '.join(REGION_KINDS)}")
    unique(kinds, f"{where}.kinds")
    return RegionLabel(
        key=key_of(body, where),
        label=label_of(body, where),
        colour=_colour(body.get("colour"), where, place),
        kinds=tuple(k for k in REGION_KINDS if not kinds or k in kinds),
        code=_code(body.get("code"), f"{where}.code"),
    )


def _segment(raw: Any, where: str, place: int) -> Segment:
    body = mapping(raw, where)
    value, layer = body.get("value"), 0 if body.get("layer") is None else body["layer"]
    if not is_whole(value, 1, 255):
        raise InvalidSchema(f"{where}.value", "must be a whole number from 1 to 255")
    if not is_whole(layer, 0, MAX_LAYER):
        raise InvalidSchema(f"{where}.layer", f"must be a whole number from 0 to {MAX_LAYER}")
    return Segment(
        value=int(value or 0),
        label=label_of(body, where),
        colour=_colour(body.get("colour"), where, place),
        layer=layer,
        code=_code(body.get("code"), f"{where}.code"),
    )


def _colour(raw: Any, where: str, place: int) -> str:
    """The colour; an absent one is the palette's next."""
    if raw is None:
        return PALETTE[place % len(PALETTE)]
    colour = raw.lower() if isinstance(raw, str) else ""
    if not COLOUR.fullmatch(colour):
        raise InvalidSchema(f"{where}.colour", "must be #rrggbb")
    return colour


def _options(raw: Any) -> Options:
    body = mapping({} if raw is None else raw, "options")
    return Options(
        hides_patient=flag(body, "hides_patient", "options", default=False),
        suggestions=choice(body.get("suggestions"), "options.suggestions", SUGGESTION_MODES, "off"),
        shows_explanations=flag(body, "shows_explanations", "options", default=False),
    )
