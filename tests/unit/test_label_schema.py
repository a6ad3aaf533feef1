"""The definition of a label schema: what it may say, and what is made of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.labeling.schemas import (
    HOTKEYS,
    PALETTE,
    REGION_KINDS,
    RESERVED_HOTKEYS,
    InvalidSchema,
    check_presets,
    check_units,
    parse_schema,
)
from annotation.labeling.schemas.hanging import PLANES, parse_hanging

YES_NO = [{"key": "no"}, {"key": "yes"}]
FINDING = {"key": "finding", "options": YES_NO}
LABEL = {"key": "nodule"}


def question(key="size", **fields):
    return {"key": key, "kind": "number", **fields}


def schema(*questions, **parts):
    return parse_schema({"questions": list(questions), "region_labels": [LABEL], **parts})


def test_an_old_definition_gets_every_default():
    old = {
        "questions": [
            {
                "key": "nodule", "label": "Nodule?", "kind": "one", "required": True,
                "options": [{"key": "no", "label": "No", "hotkey": "1"},
                            {"key": "yes", "label": "Yes", "hotkey": "2"}],
            }
        ],
        "segments": [{"value": 1, "label": "Lesion"}],
    }  # fmt: skip
    assert parse_schema(old).as_json() == {
        "questions": [
            {
                "key": "nodule", "label": "Nodule?", "help": "", "scope": "study", "kind": "one",
                "required": True, "required_if": None, "show_if": None, "default": None,
                "is_normal": None, "allows_cannot_assess": False,
                "options": [{"key": "no", "label": "No", "hotkey": "1", "code": None},
                            {"key": "yes", "label": "Yes", "hotkey": "2", "code": None}],
                "unit": None, "minimum": None, "maximum": None, "decimals": None,
                "max_length": None, "code": None, "for_labels": [],
            }
        ],
        "region_labels": [],
        "segments": [
            {"value": 1, "label": "Lesion", "colour": PALETTE[0], "layer": 0, "code": None}
        ],
        "hanging": [],
        "options": {"hides_patient": False, "suggestions": "off", "shows_explanations": False},
    }  # fmt: skip


def test_labels_and_segments_get_colours_that_can_be_told_apart():
    many = schema(
        region_labels=[{"key": f"l{i}"} for i in range(7)],
        segments=[{"value": i + 1, "label": "s"} for i in range(7)],
    )
    assert [label.colour for label in many.region_labels] == list(PALETTE)
    assert len({segment.colour for segment in many.segments}) == 7


def test_only_options_on_the_study_get_keys_and_named_ones_are_left_free():
    found = schema(
        FINDING,
        {"key": "shape", "scope": "region", "options": YES_NO},
        {"key": "also", "kind": "many", "options": [{"key": "a", "hotkey": "1"}]},
        {"key": "grade", "kind": "ordinal", "options": YES_NO},
    )
    keys = {q.key: [o.hotkey for o in q.options] for q in found.questions}
    assert keys == {"finding": ["2", "3"], "shape": ["", ""], "also": ["1"], "grade": ["4", "5"]}


@pytest.mark.parametrize(
    ("questions", "field"),
    [
        ([question(kind="date")], "questions[0].kind"),
        ([question(scope="pixel")], "questions[0].scope"),
        ([question(minimum=2, maximum=1)], "questions[0].maximum"),
        ([question(decimals=7)], "questions[0].decimals"),
        ([question(minimum=float("inf"))], "questions[0].minimum"),
        ([question(max_length=9)], "questions[0].max_length"),
        ([question(options=YES_NO)], "questions[0].options"),
        ([question(unit={"code": ""})], "questions[0].unit.code"),
        ([question(required="yes")], "questions[0].required"),
        ([question(maximum=5, default=6)], "questions[0].default"),
        ([question(is_normal={"cannot_assess": True})], "questions[0].is_normal"),
        ([question(for_labels=["nodule"])], "questions[0].for_labels"),
        ([question(scope="region", for_labels=["mass"])], "questions[0].for_labels"),
        ([question(help="\x00")], "questions[0].help"),
        ([question(code={"system": "SCT"})], "questions[0].code.value"),
        ([{**FINDING, "scope": "region", "options": [{"key": "a", "hotkey": "1"}, {"key": "b"}]}],
         "questions[0].options[0].hotkey"),
        ([FINDING, question(show_if={"question": "lost", "is": "yes"})],
         "questions[1].show_if.question"),
        ([FINDING, question(show_if={"question": "finding", "is": "maybe"})],
         "questions[1].show_if.is"),
        ([FINDING, question(show_if={"question": "finding", "any_of": ["maybe"]})],
         "questions[1].show_if.any_of"),
        ([FINDING, question(required_if={"question": "finding", "at_least": 1})],
         "questions[1].required_if.at_least"),
        ([FINDING, question(show_if={"all": [{"not": {"question": "size", "at_least": 1}}]})],
         "questions[1].show_if"),
        ([FINDING, question(show_if={"any": []})], "questions[1].show_if.any"),
        ([FINDING, question(show_if={"question": "finding"})], "questions[1].show_if"),
        ([FINDING, question(show_if={"question": "finding", "is": "no", "not": {}})],
         "questions[1].show_if"),
        ([question("a", show_if={"question": "b", "at_least": 1}),
          question("b", required_if={"question": "a", "at_least": 1})], "questions[1].required_if"),
        ([question("a", scope="region"), question("b", show_if={"question": "a", "at_least": 1})],
         "questions[1].show_if.question"),
        ([question("a", show_if={"all": [{"question": "b", "at_least": 1},
                                         {"question": "c", "at_least": 1}]}), question("b")],
         "questions[0].show_if.all[1].question"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_question_is_named_by_its_path(questions, field):
    with pytest.raises(InvalidSchema) as caught:
        schema(*questions)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"region_labels": [{"key": "a", "kinds": ["blob"]}]}, "region_labels[0].kinds"),
        ({"region_labels": [{"key": "a", "kinds": []}]}, "region_labels[0].kinds"),
        ({"region_labels": [{"key": "a", "colour": "red"}]}, "region_labels[0].colour"),
        ({"region_labels": [LABEL, LABEL]}, "region_labels"),
        ({"segments": [{"value": True, "label": "x"}]}, "segments[0].value"),
        ({"segments": [{"value": 1, "label": "x", "layer": 16}]}, "segments[0].layer"),
        ({"segments": {"value": 1}}, "segments"),
        ({"hanging": [{"layout": "4x1"}]}, "hanging[0].layout"),
        ({"hanging": [{"sync": ["colour"]}]}, "hanging[0].sync"),
        ({"hanging": [{"layout": "1x1", "panes": [{}, {}]}]}, "hanging[0].panes"),
        ({"hanging": [{"panes": [{"preset": "x" * 41}]}]}, "hanging[0].panes[0].preset"),
        ({"hanging": [{"panes": [{"as": "oblique"}]}]}, "hanging[0].panes[0].as"),
        ({"hanging": [{"panes": [{"prior": 2}]}]}, "hanging[0].panes[0].prior"),
        ({"hanging": [{"match": {"modality": "CT"}}]}, "hanging[0].match.modality"),
        ({"hanging": [{"match": {"orientation": "axial"}}]}, "hanging[0].match.orientation"),
        ({"hanging": [{"match": {"orientation": ["oblique"]}}]}, "hanging[0].match.orientation"),
        ({"hanging": [{"match": {"orientation": [None]}}]}, "hanging[0].match.orientation"),
        (
            {"hanging": [{"match": {"orientation": ["axial", "axial"]}}]},
            "hanging[0].match.orientation",
        ),
        ({"options": {"suggestions": "on"}}, "options.suggestions"),
        ({"options": {"hides_patient": 1}}, "options.hides_patient"),
    ],
)
def test_a_mistake_elsewhere_is_named_by_its_path(parts, field):
    with pytest.raises(InvalidSchema) as caught:
        schema(FINDING, **parts)
    assert caught.value.field == field


def test_a_question_with_a_condition_for_being_required_is_not_always_required():
    found = schema(FINDING, question(required_if={"question": "finding", "is": "yes"}))
    assert found.question("size").required is False


def test_a_chain_of_conditions_is_no_cycle():
    chain = [question("q0"), *(
        question(f"q{n}", show_if={"question": f"q{n - 1}", "at_least": 1}) for n in range(1, 50)
    )]  # fmt: skip
    assert len(schema(*chain).questions) == 50


words = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=9
)
codes = st.none() | st.fixed_dictionaries(
    {"system": words, "value": words}, optional={"meaning": words}
)
option_lists = st.lists(
    st.fixed_dictionaries({"key": st.from_regex("[a-z]{1,5}", fullmatch=True)}, optional={"label": words, "code": codes}),
    min_size=2, max_size=20, unique_by=lambda option: option["key"],
)  # fmt: skip
common = {"label": words, "help": words, "required": st.booleans(), "code": codes}
choices = st.fixed_dictionaries(
    {"kind": st.sampled_from(["one", "many", "ordinal"]), "options": option_lists},
    optional={**common, "scope": st.sampled_from(["study", "series", "instance", "region"])},
)
numbers = st.fixed_dictionaries(
    {"kind": st.just("number")},
    optional={
        **common, "minimum": st.floats(-100, 0), "maximum": st.integers(0, 100),
        "decimals": st.integers(0, 6), "unit": st.fixed_dictionaries({"code": words}),
        "default": st.just(0), "allows_cannot_assess": st.booleans(),
    },
)  # fmt: skip
texts = st.fixed_dictionaries(
    {"kind": st.just("text")}, optional={**common, "max_length": st.integers(1, 99)}
)
panes = st.fixed_dictionaries(
    {},
    optional={
        "modality": st.lists(words, max_size=2),
        "as": st.sampled_from(["stack", "axial"]),
        "prior": st.integers(0, 1),
    },
)
rules = st.fixed_dictionaries(
    {"layout": st.just("2x2")},
    optional={
        "name": words, "panes": st.lists(panes, max_size=4), "sync": st.sets(st.sampled_from(["scroll", "zoom"])).map(list),
        "match": st.fixed_dictionaries({}, optional={
            "has_prior": st.booleans(), "description": words,
            "orientation": st.lists(st.sampled_from(PLANES), max_size=3, unique=True),
        }),
    },
)  # fmt: skip


@st.composite
def definitions(draw):
    bodies = draw(st.lists(choices | numbers | texts, max_size=6))
    questions = [{**body, "key": f"q{n}"} for n, body in enumerate(bodies)]
    for n, body in enumerate(questions[1:]):
        if questions[0].get("scope", "study") == "study" and questions[0]["kind"] == "number":
            body["show_if"] = {"not": {"question": "q0", "at_least": n}}
    labels = draw(
        st.lists(st.sets(st.sampled_from(REGION_KINDS), min_size=1).map(list), max_size=4)
    )
    return {
        "questions": questions,
        "region_labels": [{"key": f"l{n}", "kinds": kinds} for n, kinds in enumerate(labels)],
        "segments": [{"value": 1, "label": "Organ", "layer": draw(st.integers(0, 15))}],
        "hanging": draw(st.lists(rules, max_size=3)),
        "options": {"hides_patient": draw(st.booleans())},
    }


@given(definitions())
def test_the_normalised_definition_is_a_fixed_point(definition):
    normal = parse_schema(definition).as_json()
    assert parse_schema(normal).as_json() == normal
    assert parse_schema(normal) == parse_schema(definition)
    given_keys = [o["hotkey"] for q in normal["questions"] for o in q["options"] if o["hotkey"]]
    assert len(set(given_keys)) == len(given_keys)
    assert set(given_keys) <= set(HOTKEYS) - RESERVED_HOTKEYS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from([
            "key", "kind", "options", "hotkey", "scope", "show_if", "question", "is", "any_of", "at_least",
            "all", "not", "colour", "kinds", "layout", "panes", "match", "sync", "value", "layer", "label",
        ]), inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: json_values | st.lists(json_values, max_size=3)
            for name in ("questions", "region_labels", "segments", "hanging", "options")
        },
    )
    | json_values
)
def test_any_json_is_a_schema_or_refused_with_a_path(definition):
    try:
        parsed = parse_schema(definition)
    except InvalidSchema as error:
        assert error.field
    else:
        assert parse_schema(parsed.as_json()) == parsed


@given(definitions(), st.data())
def test_a_damaged_definition_is_refused_with_a_path_or_still_a_schema(definition, data):
    part = data.draw(st.sampled_from(sorted(definition)))
    target = definition[part]
    if isinstance(target, list) and target:
        target = data.draw(st.sampled_from(target))
    if isinstance(target, dict) and target:
        target[data.draw(st.sampled_from(sorted(target)))] = data.draw(json_values)
    try:
        parse_schema(definition)
    except InvalidSchema as error:
        assert error.field


@pytest.mark.parametrize("preset", ["", "lung", "image", "image_2", "wide"])
def test_a_rule_may_name_the_windows_of_the_viewer(preset):
    check_presets(parse_hanging([{"panes": [{"preset": preset}]}]))


def test_a_window_that_no_viewer_has_is_named_by_its_path():
    rules = parse_hanging([{}, {"layout": "1x2", "panes": [{}, {"preset": "mediastinum"}]}])
    with pytest.raises(InvalidSchema) as caught:
        check_presets(rules)
    assert caught.value.field == "hanging[1].panes[1].preset"


def in_unit(code, key="size"):
    return schema(question("note"), question(key, unit={"code": code} if code else None))


@pytest.mark.parametrize("before", [["mm"], ["mm", ""]], ids=["newest", "older"])
def test_a_question_keeps_its_unit(before):
    check_units(in_unit("cm", "size_cm"), map(in_unit, before))
    check_units(in_unit("mm"), map(in_unit, before))
    check_units(in_unit(""), map(in_unit, before))
    with pytest.raises(InvalidSchema, match="size was asked in mm") as caught:
        check_units(in_unit("cm"), map(in_unit, before))
    assert caught.value.field == "questions[1].unit"


def test_a_question_without_a_unit_may_get_one():
    check_units(in_unit("cm"), [in_unit("")])
