"""What a target is called: by the labels of the schema."""

import pytest

from annotation.labeling.schemas import parse_schema
from learning.kinds import Wish, labels_of, learnable

SCHEMA = parse_schema(
    {
        "questions": [
            {"key": "time", "label": "Days", "kind": "number"},
            {
                "key": "event", "label": "Event", "kind": "one",
                "options": [{"key": "dead", "label": "Died"}, {"key": "lost", "label": "Lost"}],
            },
        ],
        "segments": [{"value": 1, "label": "Lung"}, {"value": 2, "label": "Vessel", "layer": 1}],
        "region_labels": [{"key": "mass", "label": "Mass", "kinds": ["box"]}],
    }
)  # fmt: skip


def test_every_target_is_called_as_the_list_of_what_can_be_learned_calls_it():
    found = learnable(SCHEMA)
    assert len(found) == 7
    for one in found:
        assert labels_of(one.wish, SCHEMA) == one.names


@pytest.mark.parametrize(
    ("wish", "labels"),
    [
        (Wish("one", "gone", {}), ("gone",)),
        (Wish("boxes", "", {"labels": ["gone", "mass"]}), ("gone", "Mass")),
        (
            Wish("time_to_event", "time", {"event_question": "event", "event_option": "gone"}),
            ("Days", "Event", "gone"),
        ),
    ],
)
def test_what_the_schema_no_longer_has_keeps_its_key(wish, labels):
    assert labels_of(wish, SCHEMA) == labels
