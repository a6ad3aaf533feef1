"""PURE. Whether an annotation's content fits its schema (docs/reference/annotation-content.md)."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from annotation.labeling.schemas.answers import Answers, problem_of_answer, problems_of_answers
from annotation.labeling.schemas.definition import Question, Schema
from annotation.labeling.schemas.layers import check_masks, place_of_slice
from annotation.labeling.schemas.problems import Problems
from annotation.labeling.schemas.raw import is_text, is_uid, is_whole
from annotation.labeling.schemas.regions import MAX_FRAME, UUID, check_regions

FIELDS = {"answers", "scoped", "regions", "masks", "suggestions", "first_impression"}
ACTIONS = ("shown", "accepted", "edited", "refused")
IMPRESSION = {"scoped", "regions", "masks"}
MAX_SCOPED, MAX_SUGGESTIONS = 5_000, 1_000
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def problems_of(schema: Schema, content: Any, *, is_complete: bool) -> dict[str, str]:
    """What is wrong with an annotation's content, by path; empty where nothing is."""
    problems = Problems()
    if not isinstance(content, dict) or not isinstance(content.get("answers", {}), dict):
        return {"content": "must be an object with an object of answers"}
    problems.check_fields("", content, set(), FIELDS)
    answers: Answers = content.get("answers", {})
    found = problems_of_answers(
        schema, answers, asked=schema.study_questions, study_answers={}, is_complete=is_complete
    )
    problems.add_all("answers", found)
    if "scoped" in content:
        _check_scoped(schema, content["scoped"], answers, problems, is_complete=is_complete)
    if "regions" in content:
        check_regions(schema, content["regions"], answers, problems, is_complete=is_complete)
    if "masks" in content:
        check_masks(schema, content["masks"], problems)
    if "suggestions" in content:
        _check_suggestions(content["suggestions"], problems)
    if "first_impression" in content:
        _check_first_impression(schema, content["first_impression"], problems)
    return dict(problems)


def missing_in_impression(schema: Schema, impression: dict[str, Any]) -> dict[str, str]:
    """What the schema requires of the study and a valid first impression leaves out, by path."""
    found = problems_of_answers(
        schema,
        impression["answers"],
        asked=schema.study_questions,
        study_answers={},
        is_complete=True,
    )
    return {f"answers.{key}": problem for key, problem in found.items()}


def fitting_answers(schema: Schema, content: Any) -> dict[str, Any]:
    """The answers that are valid under this schema; a read keeps the version it was begun with."""
    answers = content.get("answers", {}) if isinstance(content, dict) else {}
    return _fitting(schema.study_questions, answers)


def fitting_answers_on_series(schema: Schema, content: Any, series: str) -> dict[str, Any]:
    """The same of the answers that a read gives to one series, by its Series Instance UID."""
    scoped = content.get("scoped", []) if isinstance(content, dict) else []
    given = [entry["answers"] for entry in scoped if entry.get("series_instance_uid") == series]
    return _fitting(schema.questions_of("series"), given[0]) if given else {}


def fitting_proposal(schema: Schema, content: dict[str, Any]) -> dict[str, Any]:
    """What of a model's proposal can be taken over under this schema, with the fields that it has.

    A model may know a later schema than a read that was begun before it, or an earlier one. Which labels are
    in the slices of a mask their bytes alone say: who takes them over leaves out those that do not fit.
    """
    kinds = {label.key: label.kinds for label in schema.region_labels}
    layers = {segment.layer for segment in schema.segments}
    known: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
        "scoped": lambda entries: [e for entry in entries if (e := _entry(schema, entry))],
        "regions": lambda regions: [r for r in regions if r["kind"] in kinds.get(r["label"], ())],
        "masks": lambda masks: [m for m in masks if m.get("layer", 0) in layers],
    }
    fitted = {name: fit(content[name]) for name, fit in known.items() if name in content}
    return _answered(schema.study_questions, content) | fitted


def _entry(schema: Schema, entry: dict[str, Any]) -> dict[str, Any]:
    """What is proposed for a series or an instance; empty where the schema asks nothing of it."""
    scope = "series" if "series_instance_uid" in entry else "instance"
    found = _answered(schema.questions_of(scope), entry)
    return {**entry, **found} if found.get("answers") else {}


def _answered(questions: Sequence[Question], content: dict[str, Any]) -> dict[str, Any]:
    """Its answers and their probabilities, as far as the questions know them."""
    answers = _fitting(questions, content.get("answers", {}))
    shares = {key: v for key, v in content.get("probabilities", {}).items() if key in answers}
    found = {"answers": answers, "probabilities": shares}
    return {name: value for name, value in found.items() if name in content}


def _fitting(questions: Sequence[Question], answers: Answers) -> dict[str, Any]:
    return {
        q.key: answers[q.key]
        for q in questions
        if answers.get(q.key) is not None and not problem_of_answer(q, answers[q.key])
    }


@dataclass
class Places:
    """What an annotation's content names of its study, each with the path that names it."""

    instances: dict[str, list[tuple[str, int]]] = field(default_factory=dict)  # uid: path, frame
    series: dict[str, list[str]] = field(default_factory=dict)  # uid: paths
    grids: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    # path, SOP Instance UID, Series Instance UID, rows and columns of a mask's slice

    def add_instance(self, path: str, uid: str, frame: int) -> None:
        self.instances.setdefault(uid, []).append((path, frame))

    def add_series(self, path: str, uid: str) -> None:
        self.series.setdefault(uid, []).append(path)


def places_in(content: dict[str, Any]) -> Places:
    """The places that valid content names."""
    places = Places()
    for i, entry in enumerate(content.get("scoped", [])):
        if "series_instance_uid" in entry:
            places.add_series(f"scoped[{i}].series_instance_uid", entry["series_instance_uid"])
        else:
            places.add_instance(
                f"scoped[{i}].sop_instance_uid", entry["sop_instance_uid"], entry["frame"]
            )
    for i, region in enumerate(content.get("regions", [])):
        path = f"regions[{i}].sop_instance_uid"
        places.add_instance(path, region["sop_instance_uid"], region["frame"])
    for i, mask in enumerate(content.get("masks", [])):
        series = mask["series_instance_uid"]
        places.add_series(f"masks[{i}].series_instance_uid", series)
        for path, uid, frame, rows, columns in _slices_of(mask, f"masks[{i}]"):
            places.add_instance(path, uid, frame)
            places.grids.append((path, uid, series, rows, columns))
    return places


def _slices_of(mask: dict[str, Any], where: str) -> Iterator[tuple[str, str, int, int, int]]:
    if "layer" not in mask:
        _, rows, columns = mask["shape"]
        for z, uid in enumerate(mask["sop_instance_uids"]):
            yield f"{where}.sop_instance_uids[{z}]", uid, 1, rows, columns
        return
    for key in mask["slices"]:
        uid, frame = place_of_slice(key) or ("", 0)
        yield f"{where}.slices.{key}", uid, frame, mask["rows"], mask["columns"]


def _check_scoped(
    schema: Schema, scoped: Any, study_answers: Answers, problems: Problems, *, is_complete: bool
) -> None:
    """A required question on series or instances is required where an entry has been begun."""
    if not problems.check("scoped", isinstance(scoped, list), "must be a list"):
        return
    if not problems.check("scoped", len(scoped) <= MAX_SCOPED, f"are more than {MAX_SCOPED}"):
        return
    seen: set[tuple[str, int]] = set()
    for number, entry in enumerate(scoped):
        where = f"scoped[{number}]"
        is_series = isinstance(entry, dict) and "series_instance_uid" in entry
        place = {"series_instance_uid"} if is_series else {"sop_instance_uid", "frame"}
        if not problems.check_fields(where, entry, place | {"answers"}, set()):
            continue
        key = _place_of_entry(where, entry, problems)
        if key is not None:
            problems.check(where, key not in seen, "names this place again")
            seen.add(key)
        found = problems_of_answers(
            schema,
            entry["answers"],
            asked=schema.questions_of("series" if is_series else "instance"),
            study_answers=study_answers,
            is_complete=is_complete,
        )
        problems.add_all(f"{where}.answers", found)


def _place_of_entry(
    where: str, entry: dict[str, Any], problems: Problems
) -> tuple[str, int] | None:
    name = "series_instance_uid" if "series_instance_uid" in entry else "sop_instance_uid"
    is_place = problems.check(f"{where}.{name}", is_uid(entry[name]), "must be a UID")
    frame = entry.get("frame", 1)
    is_frame = problems.check(f"{where}.frame", is_whole(frame, 1, MAX_FRAME), "counts from 1")
    return (f"{name} {entry[name]}", frame) if is_place and is_frame else None


def _check_suggestions(suggestions: Any, problems: Problems) -> None:
    if not problems.check("suggestions", isinstance(suggestions, list), "must be a list"):
        return
    is_short = len(suggestions) <= MAX_SUGGESTIONS
    if not problems.check("suggestions", is_short, f"are more than {MAX_SUGGESTIONS}"):
        return
    for number, entry in enumerate(suggestions):
        where = f"suggestions[{number}]"
        if not problems.check_fields(where, entry, {"id", "action", "at"}, set()):
            continue
        is_id = isinstance(entry["id"], str) and UUID.fullmatch(entry["id"]) is not None
        problems.check(f"{where}.id", is_id, "must be a UUID in lower case")
        is_action = entry["action"] in ACTIONS
        problems.check(f"{where}.action", is_action, f"must be one of {', '.join(ACTIONS)}")
        problems.check(f"{where}.at", _is_moment(entry["at"]), "must be a time with its zone")


def _check_first_impression(schema: Schema, impression: Any, problems: Problems) -> None:
    if not problems.check_fields("first_impression", impression, {"answers", "at"}, IMPRESSION):
        return
    said = {field: value for field, value in impression.items() if field != "at"}
    problems.add_all("first_impression", problems_of(schema, said, is_complete=False))
    is_moment = _is_moment(impression["at"])
    problems.check("first_impression.at", is_moment, "must be a time with its zone")


def _is_moment(value: Any) -> bool:
    if not is_text(value, at_most=40) or MOMENT.fullmatch(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
