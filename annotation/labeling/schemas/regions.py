"""PURE. Whether the regions of an annotation are well drawn, labeled and answered."""

import re
from itertools import chain
from typing import Any

from annotation.labeling.schemas.answers import Answers, problems_of_answers
from annotation.labeling.schemas.definition import REGION_KINDS, REGION_POINTS, Question, Schema
from annotation.labeling.schemas.problems import Problems
from annotation.labeling.schemas.raw import is_text, is_uid, is_whole

MAX_REGIONS, MAX_POINTS = 5_000, 200_000
MAX_COORDINATE = (
    1e6  # pixels or mm: far outside any image, and safely inside a float's whole numbers
)
MAX_FRAME = 2**31 - 1
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NEEDED = {"id", "kind", "label", "sop_instance_uid", "frame", "pixels"}
OPTIONAL = {"name", "answers", "points", "is_hidden", "is_locked"}


def check_regions(
    schema: Schema, regions: Any, study_answers: Answers, problems: Problems, *, is_complete: bool
) -> None:
    """Add what is wrong below `regions`. Counts come first: the rest takes time per point."""
    if not problems.check("regions", isinstance(regions, list), "must be a list"):
        return
    if not problems.check("regions", len(regions) <= MAX_REGIONS, f"are more than {MAX_REGIONS}"):
        return
    count = sum(_count_points(region) for region in regions)
    if not problems.check("regions", count <= MAX_POINTS, f"have more than {MAX_POINTS} points"):
        return
    seen: set[str] = set()
    asked = _Asked(schema)
    for number, region in enumerate(regions):
        where = f"regions[{number}]"
        if not problems.check_fields(where, region, NEEDED, OPTIONAL):
            continue
        if _check_drawing(where, region, seen, problems):
            _check_label(schema, where, region, problems, is_complete=is_complete)
        found = problems_of_answers(
            schema,
            region.get("answers", {}),
            asked=asked.of(region["label"]),
            study_answers=study_answers,
            is_complete=is_complete,
        )
        problems.add_all(f"{where}.answers", found)
        if problems.are_many:
            return


class _Asked:
    """The questions on regions by label, found once per label."""

    def __init__(self, schema: Schema) -> None:
        self._questions = schema.questions_of("region")
        self._by_label: dict[str, list[Question]] = {}

    def of(self, label: Any) -> list[Question]:
        if not isinstance(label, str):
            return []
        if label not in self._by_label:
            self._by_label[label] = [
                q for q in self._questions if not q.for_labels or label in q.for_labels
            ]
        return self._by_label[label]


def _count_points(region: Any) -> int:
    pixels = region.get("pixels") if isinstance(region, dict) else None
    return len(pixels) if isinstance(pixels, list) else 0


def _check_drawing(where: str, region: dict[str, Any], seen: set[str], problems: Problems) -> bool:
    """Whether its kind is one of ours."""
    identifier = region["id"]
    is_id = isinstance(identifier, str) and UUID.fullmatch(identifier) is not None
    if problems.check(f"{where}.id", is_id, "must be a UUID in lower case"):
        problems.check(f"{where}.id", identifier not in seen, "is used twice")
        seen.add(identifier)
    problems.check(f"{where}.sop_instance_uid", is_uid(region["sop_instance_uid"]), "must be a UID")
    problems.check(f"{where}.frame", is_whole(region["frame"], 1, MAX_FRAME), "counts from 1")
    name = region.get("name", "")
    problems.check(f"{where}.name", is_text(name, at_most=200), "must be at most 200 characters")
    for flag in ("is_hidden", "is_locked"):
        is_flag = isinstance(region.get(flag, False), bool)
        problems.check(f"{where}.{flag}", is_flag, "must be true or false")
    kind = region["kind"]
    if not problems.check(f"{where}.kind", kind in REGION_KINDS, "is no kind of region"):
        return False
    _check_points(where, kind, region["pixels"], region.get("points"), problems)
    return True


def _check_points(where: str, kind: str, pixels: Any, points: Any, problems: Problems) -> None:
    fewest, most = REGION_POINTS[kind]
    if not problems.check(f"{where}.pixels", _are_places(pixels, 2), "must be pairs of numbers"):
        return
    needed = str(fewest) if fewest == most else f"{fewest} to {most}"
    is_count = fewest <= len(pixels) <= most
    problems.check(f"{where}.pixels", is_count, f"a {kind} has {needed} points")
    if points is None:
        return
    if problems.check(f"{where}.points", _are_places(points, 3), "must be triples of numbers"):
        is_same = len(points) == len(pixels)
        problems.check(f"{where}.points", is_same, "must be as many as the pixels")


def _are_places(value: Any, dimensions: int) -> bool:
    """In few steps per list, because a million numbers may be saved every two seconds."""
    if not isinstance(value, list) or set(map(type, value)) - {list}:
        return False
    if set(map(len, value)) - {dimensions}:
        return False
    flat = list(chain.from_iterable(value))
    is_numeric = set(map(type, flat)) <= {int, float}
    return is_numeric and all(-MAX_COORDINATE <= x <= MAX_COORDINATE for x in flat)  # no NaN is


def _check_label(
    schema: Schema, where: str, region: dict[str, Any], problems: Problems, *, is_complete: bool
) -> None:
    """A measurement may go without a label, unless one of the schema's is for its kind."""
    label, kind = region["label"], region["kind"]
    if label == "":
        is_wanted = any(kind in known.kinds for known in schema.region_labels)
        problems.check(f"{where}.label", not (is_complete and is_wanted), "needs a label")
        return
    known = schema.labels.get(label) if isinstance(label, str) else None
    if known is None:
        problems.add(f"{where}.label", "is no region label of this schema")
    elif kind not in known.kinds:
        problems.add(f"{where}.kind", f"{known.key} may not be drawn as a {kind}")
