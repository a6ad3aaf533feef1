"""A read that is asked for single slices: they are listed, gone to by key and by mouse, and drawn on."""

import pytest

from annotation.archive.models import Series
from annotation.labeling.models import Case, Revision
from annotation.labeling.services.asked import Asked, ask_for_slices
from tests import servers
from tests.e2e.reading.test_masks import DEFINITION, click
from tests.e2e.rooms import make_case, painted, phantom, reading, saved, voxel_mm

ASKED = (8, 21, 33)  # slices from 1


@pytest.fixture
def project(live_cast):
    project = make_case(live_cast, "phantom", phantom("asked for"), definition=DEFINITION)
    series = Series.objects.get()
    uids = list(
        series.instances.order_by("instance_number").values_list("sop_instance_uid", flat=True)
    )
    slices = [{"slice": f"{uids[at - 1]}:1", "arm": "entropy"} for at in ASKED]
    case = Case.objects.get(project=project)
    ask_for_slices(origin="t", asked=[Asked(case.pk, 0, series.series_instance_uid, slices)])
    return project


def test_slices_that_are_asked_for_are_gone_to_and_say_what_is_drawn(live_cast, project):
    with reading(live_cast) as enter:
        room = enter(project)
        page = room.page
        panel = page.get_by_test_id("asked-slices")
        names = panel.get_by_role("button").evaluate_all("all => all.map((one) => one.ariaLabel)")
        assert names == [f"Slice {at}" for at in ASKED]

        room.take("brush")
        page.keyboard.press("}")
        room.until(f"p.slice === {ASKED[0]}")
        click(room, 0, voxel_mm(32, 28, ASKED[0] - 1))
        saved(painted)
        panel.get_by_role("button", name=f"Slice {ASKED[0]}, drawn on").wait_for()
        page.keyboard.press("}")
        room.until(f"p.slice === {ASKED[1]}")
        page.keyboard.press("{")
        page.keyboard.press("{")
        room.until(f"p.slice === {ASKED[2]}")
        panel.get_by_role("button", name=f"Slice {ASKED[1]}").click()
        room.until(f"p.slice === {ASKED[1]}")
        panel.locator("[aria-current=true]", has_text=str(ASKED[1])).wait_for()
        page.keyboard.press("}")  # the click left the keys with the images
        room.until(f"p.slice === {ASKED[2]}")

        page.keyboard.press("1")
        page.keyboard.press("Enter")
        servers.eventually(Revision.objects.exists, "the read is handed in")
    kept = Revision.objects.get()
    [asked] = kept.asked
    assert len(asked["slices"]) == len(ASKED)
    assert list(kept.content["masks"][0]["slices"]) == asked["slices"][:1]
