"""Schemas, agreement and splits: pure rules of the workflow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.datasets import splits
from annotation.labeling.agreement import consensus, disputed
from annotation.labeling.schemas import InvalidSchema, fitting_answers, parse_schema, problems_of
from tests.factories import QUESTIONS

SCHEMA = parse_schema(QUESTIONS)


def test_options_without_a_key_get_a_free_one():
    keys = [o.hotkey for q in SCHEMA.questions for o in q.options]
    assert keys == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"questions": []}, "questions"),
        ({"questions": [{"key": "A b", "options": []}]}, "questions[0].options"),
        ({"questions": [{**QUESTIONS["questions"][0], "key": "A b"}]}, "questions[0].key"),
        ({"questions": [QUESTIONS["questions"][0]] * 2}, "questions[1].options[0].hotkey"),
        ({"questions": [{**QUESTIONS["questions"][0], "kind": "maybe"}]}, "questions[0].kind"),
        ({"questions": "all"}, "questions"),
        ("text", "definition"),
        ({"segments": [{"value": 0, "label": "x"}]}, "segments[0].value"),
    ],
)
def test_a_malformed_schema_names_the_field(change, field):
    with pytest.raises(InvalidSchema) as caught:
        parse_schema(change)
    assert caught.value.field == field


def test_a_viewer_key_cannot_belong_to_an_option():
    option = {"key": "a", "label": "A", "hotkey": "i"}
    question = {"key": "q", "options": [option, {"key": "b"}]}
    with pytest.raises(InvalidSchema, match="viewer"):
        parse_schema({"questions": [question]})


def test_the_normalised_definition_is_stable():
    assert parse_schema(SCHEMA.as_json()).as_json() == SCHEMA.as_json()


@pytest.mark.parametrize(
    ("answers", "problems"),
    [
        ({"nodule": "yes"}, {}),
        ({}, {"answers.nodule": "needs an answer"}),
        ({"nodule": "maybe"}, {"answers.nodule": "is no option of this question"}),
        ({"nodule": "no", "also": ["pacemaker", "effusion"]}, {}),
        ({"nodule": "no", "also": "pacemaker"}, {"answers.also": "must be a list without repeats"}),
        ({"nodule": "no", "colour": 1}, {"answers.colour": "is no question of this schema"}),
    ],
)
def test_answers_are_checked_by_question(answers, problems):
    assert problems_of(SCHEMA, {"answers": answers}, is_complete=True) == problems


def test_a_draft_may_be_incomplete():
    assert problems_of(SCHEMA, {"answers": {}}, is_complete=False) == {}


def test_consensus_is_a_majority_and_a_tie_is_no_answer():
    reads = [
        {"nodule": "yes", "also": ["effusion"]},
        {"nodule": "yes", "also": ["effusion", "pacemaker"]},
        {"nodule": "no", "also": []},
    ]
    assert consensus(SCHEMA, reads) == {"nodule": "yes", "also": ["effusion"]}
    assert consensus(SCHEMA, reads[1:])["nodule"] is None
    assert consensus(SCHEMA, [{}])["nodule"] is None


CANNOT = {"cannot_assess": True}
SEEN, UNSEEN = ["effusion"], []


@pytest.mark.parametrize(
    ("answers", "agreed", "open_options"),
    [
        ([SEEN, UNSEEN], [], {"effusion"}),
        ([SEEN, SEEN, UNSEEN, UNSEEN], [], {"effusion"}),
        ([SEEN, SEEN, UNSEEN], SEEN, set()),
        ([["effusion", "pacemaker"], SEEN], SEEN, {"pacemaker"}),
        ([["effusion"], ["pacemaker"]], None, {"effusion", "pacemaker"}),
        ([SEEN, CANNOT], None, {"effusion", "pacemaker"}),
        ([SEEN, UNSEEN, CANNOT], [], {"effusion"}),
        ([SEEN, SEEN, CANNOT], SEEN, set()),
        ([SEEN, CANNOT, CANNOT], CANNOT, set()),
        ([SEEN, None], SEEN, set()),
        ([None, None], None, set()),
        ([SEEN], SEEN, set()),
    ],
)
def test_an_option_without_a_majority_is_disputed_and_not_absent(answers, agreed, open_options):
    reads = [{"nodule": "yes", "also": answer} for answer in answers]
    assert consensus(SCHEMA, reads)["also"] == agreed
    assert disputed(SCHEMA, reads).get("also", set()) == open_options


def test_answers_of_an_older_schema_count_only_where_they_still_fit():
    content = {"answers": {"nodule": ["yes"], "also": "effusion", "gone": 1}}
    assert fitting_answers(SCHEMA, content) == {}
    assert fitting_answers(SCHEMA, {"answers": {"nodule": "no", "also": []}}) == {
        "nodule": "no",
        "also": [],
    }


@given(st.text(min_size=1), st.binary(min_size=16, max_size=32))
def test_a_patient_has_one_split_and_an_opaque_key(patient, key):
    pseudonym = splits.patient_key(key, patient)
    assert pseudonym == splits.patient_key(key, patient)
    shares = {"test_share": 0.2, "validation_share": 0.1}
    assert splits.split_by_hash(key, pseudonym, **shares) == splits.split_by_hash(
        key, pseudonym, **shares
    )
    assert len(pseudonym) == 16


def test_splits_have_the_asked_shares_and_depend_on_the_key():
    def count(key):
        keys = [splits.patient_key(key, str(n)) for n in range(4000)]
        return [splits.split_by_hash(key, k, test_share=0.2, validation_share=0.1) for k in keys]

    first, second = count(b"one"), count(b"two")
    assert abs(first.count("test") / 4000 - 0.2) < 0.03
    assert abs(first.count("validation") / 4000 - 0.1) < 0.03
    assert first != second
