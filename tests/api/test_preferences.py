"""What users prefer: keys, language, theme."""

import pytest

URL = "/api/v1/me/preferences"
NONE = {"keys": {}, "language": None, "theme": None}
WANTED = {"keys": {"tool.length": "Shift+L", "undo": ""}, "language": "de", "theme": "light"}


def test_nothing_is_preferred_until_it_is_said_and_then_by_that_user_only(cast, client_of):
    client = client_of(cast.annotator)
    assert client.get(URL).json() == NONE
    assert client.put(URL, WANTED).json() == WANTED
    assert client.get(URL).json() == WANTED
    assert client_of(cast.annotator2).get(URL).json() == NONE
    assert client.put(URL, NONE).json() == NONE


def test_a_key_for_two_actions_is_refused_with_both(cast, client_of):
    client = client_of(cast.annotator)
    client.put(URL, WANTED)
    keys = {"cine": "F2", "tool.length": "L", "tool.angle": "L"}
    answer = client.put(URL, {**WANTED, "keys": keys})
    assert answer.status_code == 400
    assert answer.json()["actions"] == ["tool.length", "tool.angle"]
    assert "tool.length and for tool.angle" in answer.json()["detail"]
    assert client.get(URL).json() == WANTED


def test_what_changes_is_changed_and_all_else_stays(cast, client_of):
    client = client_of(cast.annotator)
    client.put(URL, WANTED)
    assert client.patch(URL, {"theme": "dark"}).json() == {**WANTED, "theme": "dark"}
    client.patch(URL, {"keys": {"cine": "F2", "tool.length": None}, "language": None})
    changed = {"keys": {"undo": "", "cine": "F2"}, "language": None, "theme": "dark"}
    assert client.get(URL).json() == changed
    assert client_of(cast.annotator2).patch(URL, {"keys": {"cine": "F2"}}).json()["theme"] is None


def test_a_key_that_was_given_elsewhere_is_refused_with_its_owner(cast, client_of):
    client = client_of(cast.annotator)
    client.put(URL, WANTED)
    answer = client.patch(URL, {"keys": {"tool.angle": "Shift+L"}})
    assert answer.status_code == 400
    assert answer.json()["actions"] == ["tool.length", "tool.angle"]
    swapped = {"keys": {"tool.angle": "Shift+L", "tool.length": None}}
    assert client.patch(URL, swapped).json()["keys"] == {"undo": "", "tool.angle": "Shift+L"}


def test_several_actions_may_go_without_a_key_and_the_space_bar_is_one(cast, client_of):
    keys = {"undo": "", "redo": "", "cine": " "}
    assert client_of(cast.annotator).put(URL, {**WANTED, "keys": keys}).json()["keys"] == keys


@pytest.mark.parametrize(
    "change",
    [{"language": "fr"}, {"theme": ""}, {"keys": []}, {"keys": {"a b": "x"}}, {"keys": {"": "x"}},
     {"keys": {"a": "x" * 41}}, {"keys": {"a": 5 * ["x"]}}, {"keys": {f"a{n}": "" for n in range(301)}}],
)  # fmt: skip
def test_what_cannot_be_preferred_is_refused(cast, client_of, change):
    client = client_of(cast.annotator)
    assert client.put(URL, {**WANTED, **change}).status_code == 400
    assert client.patch(URL, change).status_code == 400


def test_more_keys_than_there_may_be_actions_are_refused_in_any_language(cast, client_of):
    keys = {f"a{number}": "" for number in range(301)}
    answer = client_of(cast.annotator).patch(URL, {"keys": keys})
    assert answer.json()["words"] == {"code": "actions_at_most", "most": "300"}
