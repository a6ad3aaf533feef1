"""Stored masks that come late, or not at all: what is painted meanwhile never takes their place."""

import numpy as np
import pytest

from tests import servers
from tests.e2e.axe import faults
from tests.e2e.rooms import draft, drag, make_case, painted, phantom, reading, saved, voxel_mm

MASKS = "**/api/v1/annotations/*/masks?layer=*"
DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]}
    ],
    "segments": [{"value": 1, "label": "Liver"}],
}
FIRST, SECOND = ((20, 20), (30, 20)), ((20, 44), (30, 44))  # pixels


@pytest.fixture
def project(live_cast):
    return make_case(
        live_cast, "phantom", phantom("stored before", slices=6), definition=DEFINITION
    )


def only(content):
    """The one slice that was painted."""
    [labels] = painted(content).values()
    return labels > 0


def enter_with_mask(enter, project):
    """A read in which the first stroke is stored; what was stored."""
    room = enter(project)
    room.until("p.loaded === 6")
    room.paint("brush", *FIRST)
    before = saved(painted)
    room.page.wait_for_selector("[data-testid=save-state][data-kind=saved]")
    return room, before


def try_to_paint(room, stroke):
    """Where nothing may be painted."""
    room.take("brush")
    drag(room.page, room.pixel(*stroke[0]), room.pixel(*stroke[1]))
    room.page.get_by_text("are still being loaded. Please paint").first.wait_for()


def is_first_shown(room):
    return room.are_coloured(0, [voxel_mm(25, 20, room.pane()["slice"] - 1)])[0]


def paints_beside(room, before):
    """A stroke joins what was stored."""
    room.paint("brush", *SECOND)
    content = saved(lambda found: painted(found) and only(found)[44, 25])
    assert np.array_equal(only(content)[:32], only(before)[:32])
    assert only(before)[20, 25]


def test_painting_before_the_stored_mask_has_come_is_held(live_cast, project):
    with reading(live_cast) as enter:
        room, before = enter_with_mask(enter, project)
        held = []
        room.page.route(MASKS, lambda route: held.append(route))
        enter(project)
        room.until("p.loaded === 6")
        loading = room.page.get_by_test_id("masks-loading")
        loading.get_by_text("0 of 1").wait_for()
        try_to_paint(room, SECOND)
        assert not is_first_shown(room)
        assert draft() == before
        held.pop().continue_()
        loading.wait_for(state="detached")
        servers.eventually(lambda: is_first_shown(room), "the stored mask is drawn")
        paints_beside(room, before)


def test_a_mask_that_cannot_be_loaded_says_so_and_comes_by_itself_or_when_asked(live_cast, project):
    with reading(live_cast) as enter:
        room, before = enter_with_mask(enter, project)
        room.page.route(MASKS, lambda route: route.abort())
        enter(project)
        room.until("p.loaded === 6")
        failed = room.page.get_by_test_id("masks-failed")
        failed.get_by_text("Nothing is lost").wait_for()
        assert faults(room.page) == ""
        try_to_paint(room, SECOND)
        assert draft() == before
        room.page.unroute(MASKS)
        room.page.keyboard.press("Control+F11")
        failed.wait_for(state="detached")
        servers.eventually(lambda: is_first_shown(room), "the stored mask is drawn")
        paints_beside(room, before)
