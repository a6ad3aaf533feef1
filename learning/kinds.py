"""PURE. What each kind of target needs of a label schema, and what is wrong with a choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.labeling.schemas import Question, Schema
from learning.training.metrics.figures import DECIDING

DRAWN = ("segmentation", "boxes")
DETECTOR = "detector"  # what the network of a target of boxes is called, as in training.detection
SCOPES = ("study", "series")  # of questions whose answers can be learned
UNDRAWN = ("background", "unknown")  # what a slice without a drawing says
MOST_SLICES = 100  # that may be asked of one volume


AP_IN_VOLUMES = "ap10"  # a box of three frames that misses one is a find all the same
FIGURE_CHOICES = sorted([*DECIDING.values(), AP_IN_VOLUMES])


class InvalidTarget(ValueError):
    """A target asks for what the schema does not have; names the field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Wish:
    """What somebody wants to have learned."""

    kind: str = ""  # empty: what follows from the question
    question: str = ""
    options: dict[str, Any] | None = None


def figure_of(kind: str, input: Mapping[str, Any]) -> str:
    """The figure that decides between models of a kind that see this input."""
    return AP_IN_VOLUMES if kind == "boxes" and input else DECIDING[kind]


def learned_classes(task: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """Those of a network's classes that its labels have taught it, by its task's record.

    All where the record does not say, as before it did. Of the others it says what it began with.
    """
    learned = task.get("learned")
    return [name for name in classes if learned is None or name in learned]


def checked(wish: Wish, schema: Schema | None) -> Wish:
    """The wish with its kind and every option. Raises InvalidTarget."""
    if schema is None:
        raise InvalidTarget("question", "The project has no questions yet.")
    given = dict(wish.options or {})
    if wish.kind in DRAWN:
        if wish.question:
            raise InvalidTarget("question", "What is drawn answers no question.")
        check = _segmentation if wish.kind == "segmentation" else _boxes
        return Wish(wish.kind, "", check(given, schema))
    asked = schema.question(wish.question)
    if asked is None or asked.scope not in SCOPES or asked.kind == "text":
        raise InvalidTarget(
            "question",
            "Choose a question on the study or its series that is answered by choice or number.",
        )
    kind = wish.kind or ("time_to_event" if "event_question" in given else asked.kind)
    if kind == "time_to_event":
        return Wish(kind, wish.question, _event(given, asked, schema))
    if kind != asked.kind:
        raise InvalidTarget("kind", f"The question is of the kind {asked.kind}.")
    _refuse_others(given, set())
    return Wish(kind, wish.question, {})


@dataclass(frozen=True)
class Learnable:
    """Something of a schema that can be learned, and the labels that people know it by."""

    wish: Wish
    names: tuple[str, ...]
    scope: str = "study"  # or "series": answers of the series that the input chooses


def learnable(schema: Schema) -> list[Learnable]:
    """Everything that can be learned, in the schema's own order.

    A number may also be the time to an event: once for every answer that may be the event.
    """
    asked = [q for scope in SCOPES for q in schema.questions_of(scope) if q.kind != "text"]
    found = [Learnable(Wish(q.kind, q.key, {}), (q.label,), q.scope) for q in asked]
    for layer in sorted({segment.layer for segment in schema.segments}):
        names = tuple(s.label for s in schema.segments if s.layer == layer)
        wish = checked(Wish("segmentation", "", {"layer": layer}), schema)
        found.append(Learnable(wish, names))
    boxed = [label for label in schema.region_labels if "box" in label.kinds]
    if boxed:
        wish = checked(Wish("boxes"), schema)
        found.append(Learnable(wish, tuple(label.label for label in boxed)))
    return found + [one for scope in SCOPES for one in _survivals(schema, scope)]


def is_on_series(question: str, schema: Schema | None) -> bool:
    """Whether a target's question is answered for each series."""
    asked = schema.question(question) if schema and question else None
    return asked is not None and asked.scope == "series"


def labels_of(wish: Wish, schema: Schema | None) -> tuple[str, ...]:
    """What people call a target in this schema: as `learnable` names it; keys where they are gone."""
    options = wish.options or {}
    if schema is None:
        return (wish.question,) if wish.question else ()
    if wish.kind == "segmentation":
        return tuple(s.label for s in schema.segments if s.layer == options.get("layer"))
    if wish.kind == "boxes":
        known = {label.key: label.label for label in schema.region_labels}
        return tuple(known.get(key, key) for key in options.get("labels", []))
    asked = schema.question(wish.question)
    label = asked.label if asked else wish.question
    if wish.kind != "time_to_event":
        return (label,)
    event = schema.question(str(options.get("event_question", "")))
    answers = {option.key: option.label for option in event.options} if event else {}
    key = str(options.get("event_option", ""))
    return (label, event.label if event else "", answers.get(key, key))


def _survivals(schema: Schema, scope: str) -> list[Learnable]:
    times = [q for q in schema.questions_of(scope) if q.kind == "number"]
    events = [q for q in schema.questions_of(scope) if q.kind == "one"]
    return [
        Learnable(
            Wish(
                "time_to_event", time.key,
                {"event_question": event.key, "event_option": option.key},
            ),
            (time.label, event.label, option.label), scope,
        )
        for time in times for event in events for option in event.options
    ]  # fmt: skip


def _event(given: dict[str, Any], asked: Question, schema: Schema) -> dict[str, Any]:
    _refuse_others(given, {"event_question", "event_option"})
    if asked.kind != "number":
        raise InvalidTarget("question", "The time to an event must be a number.")
    event = schema.question(str(given.get("event_question", "")))
    if event is None or event.kind != "one" or event.scope != asked.scope:
        raise InvalidTarget(
            "options",
            f"event_question must be a question on the {asked.scope} with exactly one answer.",
        )
    if given.get("event_option") not in event.option_keys:
        raise InvalidTarget(
            "options", f"event_option must be one of {', '.join(event.option_keys)}."
        )
    return given


def _segmentation(given: dict[str, Any], schema: Schema) -> dict[str, Any]:
    _refuse_others(given, {"layer", "undrawn", "slices"})
    layer, undrawn = given.get("layer", 0), given.get("undrawn", "background")
    slices = given.get("slices", 0)
    layers = sorted({segment.layer for segment in schema.segments})
    if layer not in layers or isinstance(layer, bool):
        known = ", ".join(map(str, layers)) or "none"
        raise InvalidTarget("options", f"layer must be a layer of the schema (known: {known}).")
    if undrawn not in UNDRAWN:
        raise InvalidTarget("options", f"undrawn must be one of {', '.join(UNDRAWN)}.")
    if isinstance(slices, bool) or not isinstance(slices, int) or not 0 <= slices <= MOST_SLICES:
        raise InvalidTarget(
            "options", f"slices must be a whole number up to {MOST_SLICES}; 0: whole volumes."
        )
    return {"layer": layer, "undrawn": undrawn, **({"slices": slices} if slices else {})}


def _boxes(given: dict[str, Any], schema: Schema) -> dict[str, Any]:
    _refuse_others(given, {"labels"})
    known = [label.key for label in schema.region_labels if "box" in label.kinds]
    labels = given.get("labels", known)
    if not isinstance(labels, list) or not labels or set(labels) - set(known):
        raise InvalidTarget(
            "options",
            f"labels must name region labels that are drawn as boxes ({', '.join(known)}).",
        )
    return {"labels": [key for key in known if key in labels]}


def _refuse_others(given: dict[str, Any], known: set[str]) -> None:
    for name in sorted(set(given) - known):
        raise InvalidTarget("options", f"{name} is no option of this kind of target.")
