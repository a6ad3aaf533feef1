"""PURE. What a label schema is, once it has been checked (docs/reference/label-schema.md)."""

import functools
from dataclasses import dataclass, field
from typing import Any

from annotation.labeling.schemas.conditions import Condition
from annotation.labeling.schemas.hanging import HangingRule

HOTKEYS = "1234567890qweasdfghjklxcvbnmtyop"
RESERVED_HOTKEYS = frozenset("iruz?+-=/#!&%$*><_[](),.;:'\"")  # the reading room's own keys
SCOPES = ("study", "series", "instance", "region")
KINDS = ("one", "many", "ordinal", "number", "text")
CHOICE_KINDS = ("one", "many", "ordinal")
SUGGESTION_MODES = ("off", "shown", "after_first_impression")
# How many points draw each kind of region; a range where the reader decides.
REGION_POINTS = {
    "point": (1, 1),
    "length": (2, 2),
    "bidirectional": (4, 4),
    "angle": (3, 3),
    "arrow": (2, 2),
    "box": (4, 4),
    "ellipse": (4, 4),
    "polygon": (3, 10_000),
    "freehand": (3, 10_000),
}
REGION_KINDS = tuple(REGION_POINTS)
# Okabe and Ito's colours, which people with any colour vision tell apart; black is left out
# because images are dark.
PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")

Json = dict[str, Any]


@dataclass(frozen=True)
class Code:
    """A concept of a terminology, for DICOM SR and SEG."""

    system: str  # coding scheme designator: SCT, RADLEX, DCM
    value: str
    meaning: str

    def as_json(self) -> Json:
        return {"system": self.system, "value": self.value, "meaning": self.meaning}


@dataclass(frozen=True)
class Option:
    key: str
    label: str
    hotkey: str
    code: Code | None = None

    def as_json(self) -> Json:
        return {
            "key": self.key, "label": self.label, "hotkey": self.hotkey,
            "code": self.code and self.code.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """A UCUM unit and how it is written."""

    code: str
    label: str


@dataclass(frozen=True)
class Question:
    """What is asked of a study, a series, an instance or a region."""

    key: str
    label: str
    kind: str
    required: bool
    options: tuple[Option, ...] = ()
    help: str = ""
    scope: str = "study"
    required_if: Condition | None = None
    show_if: Condition | None = None
    default: Any = None
    is_normal: Any = None
    allows_cannot_assess: bool = False
    unit: Unit | None = None
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    max_length: int | None = None
    code: Code | None = None
    for_labels: tuple[str, ...] = ()  # of regions; none stands for all

    @property
    def option_keys(self) -> tuple[str, ...]:
        return tuple(option.key for option in self.options)

    @property
    def conditions(self) -> tuple[tuple[str, Condition], ...]:
        """The conditions by the name of their field."""
        both = (("show_if", self.show_if), ("required_if", self.required_if))
        return tuple((name, found) for name, found in both if found is not None)

    @functools.cached_property
    def gates(self) -> frozenset[str]:
        """The keys of the questions whose answers `show_if` looks at."""
        atoms = self.show_if.atoms() if self.show_if else ()
        return frozenset(atom.question for _, atom in atoms)

    def as_json(self) -> Json:
        return {
            "key": self.key,
            "label": self.label,
            "help": self.help,
            "scope": self.scope,
            "kind": self.kind,
            "required": self.required,
            "required_if": self.required_if and self.required_if.as_json(),
            "show_if": self.show_if and self.show_if.as_json(),
            "default": self.default,
            "is_normal": self.is_normal,
            "allows_cannot_assess": self.allows_cannot_assess,
            "options": [option.as_json() for option in self.options],
            "unit": self.unit and {"code": self.unit.code, "label": self.unit.label},
            "minimum": self.minimum,
            "maximum": self.maximum,
            "decimals": self.decimals,
            "max_length": self.max_length,
            "code": self.code and self.code.as_json(),
            "for_labels": list(self.for_labels),
        }


@dataclass(frozen=True)
class RegionLabel:
    """What a region may be called, and how it may be drawn."""

    key: str
    label: str
    colour: str
    kinds: tuple[str, ...]
    code: Code | None = None

    def as_json(self) -> Json:
        return {
            "key": self.key, "label": self.label, "colour": self.colour,
            "kinds": list(self.kinds), "code": self.code and self.code.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """A value in label maps; segments of one layer exclude one another."""

    value: int
    label: str
    colour: str = PALETTE[0]
    layer: int = 0
    code: Code | None = None

    def as_json(self) -> Json:
        return {
            "value": self.value, "label": self.label, "colour": self.colour,
            "layer": self.layer, "code": self.code and self.code.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class Options:
    """How the project is read."""

    hides_patient: bool = False
    suggestions: str = "off"
    shows_explanations: bool = False  # to readers from the moment that suggestions are shown

    def as_json(self) -> Json:
        return {
            "hides_patient": self.hides_patient,
            "suggestions": self.suggestions,
            "shows_explanations": self.shows_explanations,
        }


@dataclass(frozen=True)
class Schema:
    """The questions, labels, segments, hanging rules and options of one version."""

    questions: tuple[Question, ...]
    segments: tuple[Segment, ...] = ()
    region_labels: tuple[RegionLabel, ...] = ()
    hanging: tuple[HangingRule, ...] = ()
    options: Options = field(default_factory=Options)

    @functools.cached_property
    def _by_key(self) -> dict[str, Question]:
        return {q.key: q for q in self.questions}

    @functools.cached_property
    def labels(self) -> dict[str, RegionLabel]:
        """The region labels by key."""
        return {label.key: label for label in self.region_labels}

    @functools.cached_property
    def study_questions(self) -> tuple[Question, ...]:
        """The questions that `answers` answers: what learning and datasets know of."""
        return self.questions_of("study")

    def question(self, key: str) -> Question | None:
        return self._by_key.get(key)

    def gates_of(self, key: str) -> set[str]:
        """The keys of all questions that decide whether this one is shown, through others too."""
        question = self.question(key)
        gates = question.gates if question else frozenset[str]()
        return set(gates).union(*(self.gates_of(gate) for gate in gates))

    def questions_of(self, scope: str) -> tuple[Question, ...]:
        return tuple(q for q in self.questions if q.scope == scope)

    def as_json(self) -> Json:
        """The normalised definition: every default filled in, the same after a second parse."""
        return {
            "questions": [q.as_json() for q in self.questions],
            "region_labels": [label.as_json() for label in self.region_labels],
            "segments": [s.as_json() for s in self.segments],
            "hanging": [rule.as_json() for rule in self.hanging],
            "options": self.options.as_json(),
        }
