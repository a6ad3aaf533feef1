"""An annotation's content against its schema: every answer, region and mask."""

import copy
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.labeling.agreement import consensus
from annotation.labeling.schemas import fitting_answers, parse_schema, places_in, problems_of
from annotation.labeling.schemas import regions as limits

YES_NO = [{"key": "no"}, {"key": "yes"}]
SCHEMA = parse_schema(
    {
        "questions": [
            {"key": "finding", "options": YES_NO},
            {"key": "grade", "kind": "ordinal", "options": [{"key": f"g{n}"} for n in range(1, 6)],
             "show_if": {"question": "finding", "is": "yes"}},
            {"key": "biopsy", "required_if": {"question": "grade", "any_of": ["g4", "g5"]},
             "options": YES_NO},
            {"key": "size", "kind": "number", "minimum": 0, "maximum": 99, "decimals": 1,
             "required": False, "allows_cannot_assess": True},
            {"key": "note", "kind": "text", "max_length": 5, "required": False},
            {"key": "also", "kind": "many", "required": False,
             "options": [{"key": "a"}, {"key": "b"}]},
            {"key": "quality", "scope": "series", "options": YES_NO},
            {"key": "view", "scope": "instance", "options": YES_NO},
            {"key": "margin", "scope": "region", "for_labels": ["nodule"], "options": YES_NO},
            {"key": "why", "scope": "region", "kind": "text", "required": False,
             "show_if": {"any": [{"question": "margin", "is": "yes"},
                                 {"question": "also", "is": ["b", "a"]}]}},
        ],
        "region_labels": [{"key": "nodule", "kinds": ["box", "ellipse"]}, {"key": "node"}],
        "segments": [{"value": 1, "label": "Lung"}, {"value": 2, "label": "Tumour", "layer": 1}],
    }
)  # fmt: skip
DONE = {"finding": "no"}
SHA = "ab" * 32


def problems(content, is_complete=False):
    return problems_of(SCHEMA, content, is_complete=is_complete)


def region(**changes):
    return {
        "id": str(uuid.uuid4()), "kind": "box", "label": "nodule", "name": "",
        "answers": {"margin": "no"}, "sop_instance_uid": "1.2", "frame": 1,
        "pixels": [[0, 0], [4, 0], [4.5, 5], [0, 5]], "points": None, "is_hidden": False,
        "is_locked": False, **changes,
    }  # fmt: skip


def layer(**changes):
    return {
        "layer": 0, "series_instance_uid": "1.2", "rows": 4, "columns": 4,
        "slices": {"1.2.3:1": SHA}, **changes,
    }  # fmt: skip


FULL = {
    "answers": {**DONE, "size": 12.5, "note": "ok", "also": ["a", "b"]},
    "scoped": [
        {"series_instance_uid": "1.2", "answers": {"quality": "yes"}},
        {"sop_instance_uid": "1.2.3", "frame": 2, "answers": {"view": "no"}},
    ],
    "regions": [
        region(answers={"margin": "yes", "why": "spikes"}),
        region(kind="point", label="node", pixels=[[1, 2]], points=[[1, 2, 3]], answers={}),
    ],
    "masks": [
        layer(),
        {"sha256": SHA, "shape": [2, 4, 4], "series_instance_uid": "1.2",
         "sop_instance_uids": ["1.2.3", "1.2.4"], "segments": [1]},
    ],
    "suggestions": [
        {"id": str(uuid.uuid4()), "action": "accepted", "at": "2026-01-02T03:04:05.123Z"}
    ],
    "first_impression": {"answers": {"finding": "yes"}, "at": "2026-01-02T03:04:05+01:00"},
}  # fmt: skip


def test_content_with_everything_fits():
    assert problems(FULL, is_complete=True) == {}


@pytest.mark.parametrize(
    ("answers", "field", "message"),
    [
        ({"size": "12"}, "size", "must be a number"),
        ({"size": True}, "size", "must be a number"),
        ({"size": float("nan")}, "size", "must be a number"),
        ({"size": 10**400}, "size", "must be a number"),
        ({"size": -0.1}, "size", "must be at least 0"),
        ({"size": 99.5}, "size", "must be at most 99"),
        ({"size": 1.25}, "size", "may have at most 1 decimals"),
        ({"note": "longer"}, "note", "must be text of at most 5 characters"),
        ({"note": "\x00"}, "note", "must be text of at most 5 characters"),
        ({"note": "\ud800"}, "note", "must be text of at most 5 characters"),
        ({"note": {"cannot_assess": True}}, "note", "cannot be left unassessed"),
        ({"size": {"cannot_assess": 1}}, "size", "must be an answer"),
        ({"also": ["a", "a"]}, "also", "must be a list without repeats"),
        ({"also": [["a"]]}, "also", "must be a list without repeats"),
        ({"also": ["c"]}, "also", "holds an unknown option"),
        ({"grade": "g6"}, "grade", "is no option of this question"),
        ({"view": "yes"}, "view", "is not asked here"),
    ],
)
def test_an_answer_that_does_not_fit_is_named(answers, field, message):
    assert problems({"answers": answers}) == {f"answers.{field}": message}


@pytest.mark.parametrize("size", [0, 99, 0.1, 12.0, {"cannot_assess": True}, None])
def test_answers_at_the_edge_fit(size):
    assert problems({"answers": {**DONE, "size": size}}, is_complete=True) == {}


def test_hidden_questions_are_neither_asked_nor_answered_in_the_end():
    hidden = {"answers": {**DONE, "grade": "g5"}}
    assert problems(hidden) == {}
    assert problems(hidden, is_complete=True) == {
        "answers.grade": "is not asked, given the other answers"
    }
    shown = {"answers": {"finding": "yes"}}
    assert problems(shown, is_complete=True) == {"answers.grade": "needs an answer"}


def test_a_question_is_required_once_its_condition_holds():
    mild = {"answers": {"finding": "yes", "grade": "g3"}}
    severe = {"answers": {"finding": "yes", "grade": "g4"}}
    assert problems(mild, is_complete=True) == {}
    assert problems(severe, is_complete=True) == {"answers.biopsy": "needs an answer"}


@pytest.mark.parametrize(
    ("answer", "is_needed"),
    [(None, False), (9.9, False), (10, True), ({"cannot_assess": True}, False)],
)
def test_numbers_are_compared_by_their_value(answer, is_needed):
    schema = parse_schema(
        {"questions": [
            {"key": "size", "kind": "number", "required": False, "allows_cannot_assess": True},
            {"key": "biopsy", "options": YES_NO, "show_if": {"question": "size", "at_least": 10}},
        ]}
    )  # fmt: skip
    found = problems_of(schema, {"answers": {"size": answer}}, is_complete=True)
    assert found == ({"answers.biopsy": "needs an answer"} if is_needed else {})


def test_a_condition_on_a_hidden_question_is_false():
    leftover = {"answers": {"finding": "no", "grade": "g5"}}
    assert "answers.biopsy" not in problems(leftover, is_complete=True)


def test_conditions_on_a_region_see_its_answers_and_those_of_the_study():
    told = region(answers={"margin": "no", "why": "x"})
    by_study = {"answers": {**DONE, "also": ["a", "b"]}, "regions": [told]}
    alone = {"answers": DONE, "regions": [told]}
    assert problems(by_study, is_complete=True) == {}
    assert problems(alone, is_complete=True) == {
        "regions[0].answers.why": "is not asked, given the other answers"
    }


def test_questions_on_regions_are_required_in_the_end_where_their_label_asks_them():
    drawn = {"answers": DONE, "regions": [region(answers={})]}
    assert problems(drawn) == {}
    assert problems(drawn, is_complete=True) == {"regions[0].answers.margin": "needs an answer"}
    other = region(label="node", answers={"margin": "no"})
    assert problems({"answers": {}, "regions": [other]}) == {
        "regions[0].answers.margin": "is not asked here"
    }


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": "1"}, "id"),
        ({"kind": "circle"}, "kind"),
        ({"kind": ["box"]}, "kind"),
        ({"label": "mass", "answers": {}}, "label"),
        ({"kind": "length", "pixels": [[0, 0], [1, 1]]}, "kind"),
        ({"sop_instance_uid": "a"}, "sop_instance_uid"),
        ({"frame": 0}, "frame"),
        ({"frame": True}, "frame"),
        ({"pixels": [[0, 0]]}, "pixels"),
        ({"pixels": [[0, 0], [1, 1], [2, 2], [3, float("inf")]]}, "pixels"),
        ({"pixels": [[0, 0], [1, 1], [2, 2], [3]]}, "pixels"),
        ({"points": [[0, 0, 0]]}, "points"),
        ({"name": 1}, "name"),
        ({"is_locked": "no"}, "is_locked"),
        ({"statistics": {}}, "statistics"),
        ({"answers": []}, "answers"),
        ({"answers": {"margin": "maybe"}}, "answers.margin"),
    ],
)
def test_a_badly_drawn_region_is_named(change, path):
    found = problems({"answers": {}, "regions": [region(), region(**change)]})
    assert list(found) == [f"regions[1].{path}"]


@pytest.mark.parametrize(
    ("kind", "count"),
    [("point", 1), ("length", 2), ("bidirectional", 4), ("angle", 3), ("arrow", 2), ("box", 4),
     ("ellipse", 4), ("polygon", 3), ("polygon", 10_000), ("freehand", 3), ("freehand", 10_000)],
)  # fmt: skip
def test_every_kind_has_its_number_of_points(kind, count):
    def found(points):
        drawn = region(kind=kind, label="node", answers={}, pixels=[[1, 2]] * points)
        return problems({"answers": {}, "regions": [drawn]})

    assert found(count) == {}
    assert list(found(count + 1 if count != 3 or kind == "angle" else 2)) == ["regions[0].pixels"]


def test_regions_are_unique_and_limited_in_number_and_points(monkeypatch):
    twin = region()
    assert problems({"answers": {}, "regions": [twin, twin]}) == {"regions[1].id": "is used twice"}
    monkeypatch.setattr(limits, "MAX_REGIONS", 2)
    three = [region() for _ in range(3)]
    assert problems({"answers": {}, "regions": three}) == {"regions": "are more than 2"}
    monkeypatch.setattr(limits, "MAX_REGIONS", 5_000)
    monkeypatch.setattr(limits, "MAX_POINTS", 11)
    assert problems({"answers": {}, "regions": three}) == {"regions": "have more than 11 points"}


def test_a_region_may_lack_a_label_only_until_it_is_handed_in():
    drawn = {"answers": DONE, "regions": [region(label="", answers={})]}
    assert problems(drawn) == {}
    assert problems(drawn, is_complete=True) == {"regions[0].label": "needs a label"}
    bare = parse_schema({"questions": [{"key": "finding", "options": YES_NO}]})
    assert problems_of(bare, drawn, is_complete=True) == {}


@pytest.mark.parametrize(
    ("mask", "path"),
    [
        (layer(layer=2), "layer"),
        (layer(layer=True), "layer"),
        (layer(rows=0), "rows"),
        (layer(rows=65_535, columns=65_535), ""),
        (layer(series_instance_uid=""), "series_instance_uid"),
        (layer(slices=[]), "slices"),
        (layer(slices={"1.2.3": SHA}), "slices.1.2.3"),
        (layer(slices={"1.2.3:0": SHA}), "slices.1.2.3:0"),
        (layer(slices={"1.2.3:²": SHA}), "slices.1.2.3:²"),
        (layer(slices={"1.2.3:1": SHA.upper()}), "slices.1.2.3:1"),
        (layer(extra=1), "extra"),
        ({**FULL["masks"][1], "shape": [3, 4, 4]}, "sop_instance_uids"),
        ({**FULL["masks"][1], "shape": [2, 4]}, "shape"),
        ({**FULL["masks"][1], "sha256": "x"}, "sha256"),
        ({**FULL["masks"][1], "segments": [0]}, "segments"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(mask, path):
    assert list(problems({"answers": {}, "masks": [mask]})) == [f"masks[0].{path}".rstrip(".")]


def test_a_layer_of_a_series_is_named_once():
    again = {"answers": {}, "masks": [layer(), layer(layer=1), layer()]}
    assert problems(again) == {"masks[2]": "names this layer of the series again"}
    sizes = {"answers": {}, "masks": [layer(), {**layer(), "rows": layer()["rows"] + 1}]}
    assert problems(sizes) == {}


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"scoped": [{"series_instance_uid": "1.2", "frame": 1, "answers": {}}]}, "scoped[0].frame"),
        ({"scoped": [{"sop_instance_uid": "1.2", "answers": {}}]}, "scoped[0].frame"),
        ({"scoped": [FULL["scoped"][0]] * 2}, "scoped[1]"),
        ({"scoped": [{"series_instance_uid": "1.2", "answers": {"view": "no"}}]}, "scoped[0].answers.view"),
        ({"suggestions": [{**FULL["suggestions"][0], "action": "liked"}]}, "suggestions[0].action"),
        ({"suggestions": [{**FULL["suggestions"][0], "at": "2026-01-02"}]}, "suggestions[0].at"),
        ({"suggestions": [{**FULL["suggestions"][0], "at": "2026-13-02T03:04:05Z"}]}, "suggestions[0].at"),
        ({"first_impression": {"answers": {"finding": 1}, "at": "2026-01-02T03:04:05Z"}}, "first_impression.answers.finding"),
        ({"first_impression": {"answers": {}}}, "first_impression.at"),
        ({"colour": 1}, "colour"),
    ],
)  # fmt: skip
def test_the_other_parts_are_checked_too(part, path):
    assert list(problems({"answers": {}, **part})) == [path]


def test_problems_are_listed_only_as_far_as_anybody_reads():
    assert len(problems({"answers": {f"q{n}": 1 for n in range(5_000)}})) == 200


def test_the_places_that_content_names_are_found_with_their_paths():
    places = places_in(FULL)
    assert places.series == {
        "1.2": ["scoped[0].series_instance_uid", "masks[0].series_instance_uid",
                "masks[1].series_instance_uid"]
    }  # fmt: skip
    assert places.instances["1.2"] == [
        ("regions[0].sop_instance_uid", 1), ("regions[1].sop_instance_uid", 1)
    ]  # fmt: skip
    assert places.grids[0] == ("masks[0].slices.1.2.3:1", "1.2.3", "1.2", 4, 4)
    assert places.grids[2] == ("masks[1].sop_instance_uids[1]", "1.2.4", "1.2", 4, 4)


def test_learning_and_datasets_see_answers_on_the_study_only():
    assert fitting_answers(SCHEMA, FULL) == FULL["answers"]
    assert set(consensus(SCHEMA, [FULL["answers"]])) == {
        "finding", "grade", "biopsy", "size", "note", "also"
    }  # fmt: skip


def test_readers_agree_on_numbers_by_the_median_and_on_not_assessing_by_majority():
    cannot = {"cannot_assess": True}
    assert consensus(SCHEMA, [{"size": 3}, {"size": 9}, {"size": 4}])["size"] == 4
    assert consensus(SCHEMA, [{"size": 3}, {"size": cannot}, {"size": cannot}])["size"] == cannot
    assert consensus(SCHEMA, [{"size": 3}, {"size": 5}, {"size": cannot}])["size"] == 4
    assert consensus(SCHEMA, [{"grade": "g1"}, {"grade": "g2"}])["grade"] is None


GATED = parse_schema(
    {
        "questions": [
            {"key": "nodule", "options": YES_NO},
            {"key": "size", "kind": "number", "show_if": {"question": "nodule", "is": "yes"}},
            {"key": "type", "options": [{"key": "benign"}, {"key": "malignant"}],
             "show_if": {"question": "size", "at_least": 6}},
            {"key": "blurred", "scope": "series", "options": YES_NO,
             "show_if": {"question": "nodule", "is": "yes"}},
        ]
    }
)  # fmt: skip
SEEN = {"nodule": "yes", "size": 8, "type": "malignant", "blurred": "no"}


def test_readers_do_not_agree_on_what_their_agreed_answers_do_not_ask():
    unseen = {"nodule": "no"}
    nothing = {"size": None, "type": None}
    assert consensus(GATED, [unseen, unseen, SEEN]) == {"nodule": "no", **nothing}
    assert consensus(GATED, [unseen, SEEN]) == {"nodule": None, **nothing}
    small = {"nodule": "yes", "size": 4}
    assert consensus(GATED, [small, small, SEEN]) == {"nodule": "yes", "size": 4, "type": None}
    assert consensus(GATED, [unseen, unseen, SEEN], "series") == {"blurred": None}
    assert consensus(GATED, [unseen, SEEN, SEEN], "series") == {"blurred": "no"}


def test_a_condition_that_came_after_the_reads_hides_nothing_of_them():
    before = {"size": 8, "type": "malignant"}
    assert consensus(GATED, [before, before]) == {"nodule": None, **before}
    assert consensus(GATED, [before, {"nodule": "no"}])["size"] is None
    assert GATED.gates_of("type") == {"size", "nodule"}


@pytest.mark.parametrize("joint", ["all", "any"])
def test_a_question_that_joined_a_condition_after_the_reads_neither_hides_nor_shows(joint):
    both = [{"question": "nodule", "is": "yes"}, {"question": "solid", "is": "yes"}]
    questions = [{"key": key, "options": YES_NO} for key in ("nodule", "solid")]
    size = {"key": "size", "kind": "number", "show_if": {joint: both}}
    schema = parse_schema({"questions": [*questions, size]})
    seen, unseen = {"nodule": "yes", "size": 8}, {"nodule": "no"}
    assert consensus(schema, [seen, seen])["size"] == 8
    assert consensus(schema, [unseen, unseen, seen])["size"] is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def paths_of(value, path=()):
    """Every place inside a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # fmt: skip
    for key, child in children:
        yield from paths_of(child, (*path, key))


def replaced(value, path, by):
    if not path:
        return by
    target = changed = copy.deepcopy(value)
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = by
    return changed


@given(st.sampled_from(list(paths_of(FULL))), anything, st.booleans())
def test_content_damaged_anywhere_gets_problems_and_never_an_exception(path, junk, is_complete):
    found = problems(replaced(FULL, path, junk), is_complete)
    assert all(isinstance(k, str) and isinstance(v, str) and v for k, v in found.items())


@given(st.sampled_from(list(paths_of(FULL))), anything)
def test_content_without_problems_can_be_searched_for_places(path, junk):
    damaged = replaced(FULL, path, junk)
    if not problems(damaged):
        places_in(damaged)
