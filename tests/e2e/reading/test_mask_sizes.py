"""Masks on a series whose images have several sizes, as a radiograph from the front and one from the side."""

import numpy as np
import pytest

from tests import factories, servers
from tests.e2e.rooms import draft, make_case, painted, phantom, reading, saved, voxel_mm

SMALL = (40, 48)  # rows, columns: the upper left part of a picture of 64 x 64
DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]}
    ],
    "segments": [{"value": 1, "label": "Rib"}],
}
STROKE = ((12, 20), (36, 20))


@pytest.fixture
def project(live_cast):
    front, side = phantom("two sizes", slices=2)
    files = [front, factories.cropped(side, *SMALL)]
    return make_case(live_cast, "radiograph", files, definition=DEFINITION)


def go_to(room, number):
    room.do(f"await w.goTo({number})")
    room.until(f"p.slice === {number}")


def is_shown(room, pixel):
    return room.are_coloured(0, [voxel_mm(*pixel, room.pane()["slice"] - 1)])[0]


def test_what_is_painted_on_images_of_several_sizes_is_kept(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        room.until("p.loaded === 2")
        for number in (1, 2):
            go_to(room, number)
            room.paint("brush", *STROKE)
            saved(lambda content, count=number: len(all_slices(content)) == count)
        content = draft()
        sizes = {(mask["rows"], mask["columns"]): mask["slices"] for mask in content["masks"]}
        assert set(sizes) == {(64, 64), SMALL}
        before = all_slices(content)
        assert {labels.shape for labels in before.values()} == {(64, 64), SMALL}
        assert all(labels[20, 12:36].all() for labels in before.values())

        room = enter(project)
        room.until("p.loaded === 2")
        for number in (1, 2):
            go_to(room, number)
            servers.eventually(lambda: is_shown(room, (24, 20)), "the stroke is drawn again")
            assert not is_shown(room, (24, 32))
        assert draft() == content

        room.page.get_by_label("In the whole series, not only in what is shown").check()
        room.page.get_by_role("button", name="Grow", exact=True).click()
        saved(lambda now: now != content and all(map(grew, all_slices(now).items(), [before] * 2)))
        room.page.get_by_role("button", name="Undo: grow", exact=True).click()
        saved(lambda now: now == content)

        room.page.get_by_role("button", name="Fill between slices", exact=True).click()
        room.page.get_by_text("several sizes").first.wait_for()
        assert draft() == content


def all_slices(content):
    """Label maps by place, whatever their size."""
    found = {}
    for mask in content.get("masks", []):
        found.update(painted({"masks": [mask]}))
    return found


def grew(one, before):
    place, labels = one
    return np.count_nonzero(labels) > np.count_nonzero(before[place])
