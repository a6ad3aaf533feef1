"""PURE. Hanging rules: which series go where when a case of a kind opens; the browser applies them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotation.labeling.schemas.raw import (
    InvalidSchema,
    choice,
    flag,
    is_whole,
    mapping,
    sequence,
    text,
    texts,
    unique,
)

MAX_RULES, MAX_WORDS, MAX_WORD = 30, 20, 64
LAYOUT = re.compile(r"([1-3])x([1-3])")
LINKS = ("scroll", "window", "zoom")
PLANES = ("axial", "sagittal", "coronal")
WAYS = ("stack", *PLANES)
# The windows that the viewer knows (frontend/src/viewer/presets.ts); "image" is the stored one.
PRESETS = ("soft_tissue", "lung", "liver", "bone", "brain", "image", "full", "wide", "narrow")
STORED_WINDOW = re.compile(r"image_[2-9]")


@dataclass(frozen=True)
class Match:
    """Which studies a rule is for; what is empty or None matches all."""

    modality: tuple[str, ...] = ()
    description: str = ""  # a part of the study's or of a series' description, in any case
    body_part: tuple[str, ...] = ()
    orientation: tuple[str, ...] = ()  # of any of the study's series
    has_prior: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "modality": list(self.modality), "description": self.description,
            "body_part": list(self.body_part), "orientation": list(self.orientation),
            "has_prior": self.has_prior,
        }  # fmt: skip


@dataclass(frozen=True)
class Pane:
    """Which series a pane shows, and how."""

    modality: tuple[str, ...]
    description: str
    orientation: str | None
    prior: int  # 0 the case's study, 1 its newest prior
    preset: str
    way: str  # "as" in JSON: a stack, or a plane of the volume

    def as_json(self) -> dict[str, Any]:
        return {
            "modality": list(self.modality), "description": self.description,
            "orientation": self.orientation, "prior": self.prior, "preset": self.preset,
            "as": self.way,
        }  # fmt: skip


@dataclass(frozen=True)
class HangingRule:
    name: str
    match: Match
    layout: str
    sync: tuple[str, ...]
    panes: tuple[Pane, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "match": self.match.as_json(),
            "layout": self.layout,
            "sync": list(self.sync),
            "panes": [pane.as_json() for pane in self.panes],
        }


def parse_hanging(raw: Any) -> tuple[HangingRule, ...]:
    """The rules in order: the first that matches is used. Raises InvalidSchema."""
    rules = sequence(raw, "hanging", MAX_RULES)
    return tuple(_rule(rule, f"hanging[{i}]") for i, rule in enumerate(rules))


def check_presets(rules: Sequence[HangingRule]) -> None:
    """Raises InvalidSchema where a pane names a preset that no viewer has.

    Apart from parsing: schemas that were published with one stay readable.
    """
    for i, rule in enumerate(rules):
        for j, pane in enumerate(rule.panes):
            if pane.preset and not _is_preset(pane.preset):
                where = f"hanging[{i}].panes[{j}].preset"
                raise InvalidSchema(where, f"must be one of {', '.join(PRESETS)}")


def _is_preset(name: str) -> bool:
    return name in PRESETS or STORED_WINDOW.fullmatch(name) is not None


def _rule(raw: Any, where: str) -> HangingRule:
    body = mapping(raw, where)
    layout = "1x1" if body.get("layout") is None else body["layout"]
    size = LAYOUT.fullmatch(layout) if isinstance(layout, str) else None
    if size is None:
        raise InvalidSchema(f"{where}.layout", "must be from 1x1 to 3x3")
    room = int(size[1]) * int(size[2])
    panes = sequence(body.get("panes"), f"{where}.panes", room)
    sync = sequence(body.get("sync"), f"{where}.sync", len(LINKS))
    if any(link not in LINKS for link in sync):
        raise InvalidSchema(f"{where}.sync", f"may hold {', '.join(LINKS)}")
    unique(sync, f"{where}.sync")
    return HangingRule(
        name=text(body.get("name"), f"{where}.name", at_most=80),
        match=_match(body.get("match"), f"{where}.match"),
        layout=layout,
        sync=tuple(link for link in LINKS if link in sync),
        panes=tuple(_pane(pane, f"{where}.panes[{i}]") for i, pane in enumerate(panes)),
    )


def _match(raw: Any, where: str) -> Match:
    body = mapping({} if raw is None else raw, where)
    has_prior = body.get("has_prior")
    return Match(
        modality=_words(body.get("modality"), f"{where}.modality"),
        description=text(body.get("description"), f"{where}.description", at_most=MAX_WORD),
        body_part=_words(body.get("body_part"), f"{where}.body_part"),
        orientation=_planes(body.get("orientation"), f"{where}.orientation"),
        has_prior=None if has_prior is None else flag(body, "has_prior", where, default=False),
    )


def _pane(raw: Any, where: str) -> Pane:
    body = mapping(raw, where)
    prior = 0 if body.get("prior") is None else body["prior"]
    if not is_whole(prior, 0, 1):
        raise InvalidSchema(f"{where}.prior", "must be 0 (the study) or 1 (its newest prior)")
    return Pane(
        modality=_words(body.get("modality"), f"{where}.modality"),
        description=text(body.get("description"), f"{where}.description", at_most=MAX_WORD),
        orientation=choice(body.get("orientation"), f"{where}.orientation", PLANES, "") or None,
        prior=prior,
        preset=text(body.get("preset"), f"{where}.preset", at_most=40),
        way=choice(body.get("as"), f"{where}.as", WAYS, "stack"),
    )


def _planes(raw: Any, where: str) -> tuple[str, ...]:
    planes = sequence(raw, where, len(PLANES))
    if any(plane not in PLANES for plane in planes):
        raise InvalidSchema(where, f"may hold {', '.join(PLANES)}")
    unique(planes, where)
    return tuple(planes)


def _words(raw: Any, where: str) -> tuple[str, ...]:
    return texts(raw, where, limit=MAX_WORDS, at_most=MAX_WORD)
