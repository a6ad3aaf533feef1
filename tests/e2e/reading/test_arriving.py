"""A study of which more arrives while it is read, and a worklist of studies that are still arriving."""

from annotation.archive.services.ingest import ingest
from annotation.labeling.models import Assignment, AssignmentState, Revision
from annotation.labeling.services.projects import add_cases
from tests import factories
from tests.e2e.axe import faults
from tests.e2e.rooms import draft, make_case, phantom, reading, saved

WAITING = {"has_more": False, "arriving": 2, "quiet_seconds": 60}


def test_what_arrives_while_a_case_is_read_is_shown_before_it_can_be_handed_in(live_cast):
    files = phantom("growing", slices=12)
    project = make_case(live_cast, "growing", files[:8], definition=factories.QUESTIONS)
    with reading(live_cast, has_own_clock=True) as enter:
        room = enter(project)
        page = room.page
        room.until("p.frames === 8")
        page.keyboard.press("2")
        saved(lambda content: content["answers"] == {"nodule": "yes"})
        for data in files[8:]:
            ingest(collection=project.collection, chunks=[data])
        page.keyboard.press("Enter")
        page.get_by_text("More of this study has arrived since it was opened").wait_for()
        room.until("p.frames === 12 && p.status === 'shown'")
        assert not Revision.objects.exists()
        assert draft()["answers"] == {"nodule": "yes"}

        page.route("**/waiting", lambda route: route.fulfill(json=WAITING))
        page.keyboard.press("Enter")
        page.get_by_text("2 studies are still arriving").wait_for()
        assert faults(page) == ""
        assert Revision.objects.get().content["answers"] == {"nodule": "yes"}
        page.clock.fast_forward(61_000)  # and nobody touches anything
        add_cases(project=project, studies=[factories.make_study(project)])
        page.unroute("**/waiting")
        page.get_by_text("There is something to read again").wait_for()
        assert not Assignment.objects.filter(state=AssignmentState.ACTIVE).exists()
        page.mouse.move(300, 300)
        page.wait_for_selector("[data-testid=reading][data-phase=reading]")  # by itself
