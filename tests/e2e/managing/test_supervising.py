"""A model suggests, a reader decides, and a manager deals with what readers noted: on the real pages."""

import gzip

import nibabel
import numpy as np

from annotation.archive.services.ingest import ingest
from annotation.core.models import AuditEvent
from annotation.imaging import conversion
from annotation.labeling.models import Annotation, Case, Handover, Mark, MarkKind, Review
from annotation.labeling.services import marks, reading
from annotation.labeling.services.label_volumes import Grid, keep_layers
from annotation.labeling.services.projects import add_cases, change_settings, publish_schema
from annotation.labeling.services.suggestions import Offered, offer_suggestions
from tests import factories, servers
from tests.e2e import browser as person
from tests.e2e.axe import faults

SIDE, SLICES, MIDDLE = 64, 5, 2
SUGGESTED = (slice(20, 40), slice(24, 44))
DEFINITION = {
    "questions": [
        {"key": "finding", "label": "Any finding?", "options": [{"key": "no"}, {"key": "yes"}]},
        {"key": "moved", "label": "Motion?", "scope": "series", "required": False,
         "options": [{"key": "no"}, {"key": "yes"}]},
    ],
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
    "segments": [{"value": 1, "label": "Tumour"}],
    "options": {"suggestions": "shown"},
}  # fmt: skip
COLOURED = """() => {
  const canvas = document.querySelector("[data-testid=panes] canvas")
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  let count = 0
  for (let i = 0; i < data.length; i += 4) {
    if (Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 30) count++
  }
  return count
}"""


def make_suggested_case(project, actor):
    """A CT with suggested answers, of the study and its series, a box and a mask on its middle slice."""
    schema = publish_schema(actor=actor, project=project, definition=DEFINITION)
    voxels = np.full((SLICES, SIDE, SIDE), 40, np.int16)
    files = list(
        conversion.volume_series(
            voxels, np.diag([1.0, 1, 2, 1]), conversion.Subject(patient_id="P7"), "suggested", "CT"
        )
    )
    for data in files:
        study = ingest(collection=project.collection, chunks=[data]).study
    add_cases(project=project, studies=[study])
    case = Case.objects.get(project=project)
    headers = [factories.read(data) for data in files]
    labels = np.zeros(voxels.shape, np.uint8)
    labels[MIDDLE][SUGGESTED] = 1
    grid = Grid.of_single_frames(headers[0].SeriesInstanceUID, [h.SOPInstanceUID for h in headers])
    box = {
        "id": "11111111-1111-4111-8111-111111111111", "kind": "box", "label": "nodule", "name": "",
        "answers": {}, "sop_instance_uid": headers[MIDDLE].SOPInstanceUID, "frame": 1,
        "pixels": [[24, 20], [44, 20], [44, 40], [24, 40]], "points": None, "is_hidden": False,
        "is_locked": False,
    }  # fmt: skip
    moved = {"series_instance_uid": headers[0].SeriesInstanceUID, "answers": {"moved": "yes"}}
    content = {
        "answers": {"finding": "yes"}, "regions": [box],
        "scoped": [{**moved, "probabilities": {"moved": {"no": 0.2, "yes": 0.8}}}],
        "masks": keep_layers(schema=schema.schema, labels=labels, grid=grid),
    }  # fmt: skip
    offer_suggestions(project=project, origin="o", source="m", offered=[Offered(case.pk, content)])
    return case, content


def draft():
    return Annotation.objects.get().draft


def saved(condition, what):
    servers.eventually(lambda: condition(draft()), what, timeout_s=30)


def coloured(page, condition, what):
    servers.eventually(lambda: condition(page.evaluate(COLOURED)), what, timeout_s=30)


def test_a_suggestion_is_taken_and_a_manager_deals_with_the_case(live_cast):
    case, suggested = make_suggested_case(live_cast.project, live_cast.manager)
    troubles: list[str] = []
    with person.visiting() as (address, browser):
        reads_with_a_suggestion(browser, address, troubles, live_cast, suggested)
        marks.mark_case(
            reader=live_cast.annotator, case=case, kind=MarkKind.FLAG, reason="Odd edge"
        )
        manages_the_mark(browser, address, troubles, live_cast, case)
    assert troubles == []


def reads_with_a_suggestion(browser, address, troubles, cast, suggested):
    page = person.new_page(browser, address, troubles)
    page.set_viewport_size({"width": 1100, "height": 640})
    person.sign_in(page, "annotator", factories.PASSWORD)
    page.goto(f"/projects/{cast.project.pk}/read")
    page.get_by_test_id("suggestion").wait_for(timeout=60_000)
    page.wait_for_selector(person.SHOWN, timeout=60_000)
    page.get_by_test_id("suggestion").get_by_text("Motion?: yes").wait_for()
    coloured(page, lambda count: count > 50, "the suggested outline is drawn")
    dashes = page.locator("svg.svg-layer rect[stroke-dasharray]")
    dashes.first.wait_for(state="attached")
    saved(lambda content: content.get("suggestions"), "the suggestion was shown")
    assert faults(page) == ""

    page.keyboard.press("Shift+Backspace")
    coloured(page, lambda count: count == 0, "a refused suggestion is gone")
    page.keyboard.press("Control+z")
    coloured(page, lambda count: count > 50, "undo brings it back")

    page.keyboard.press("Shift+Enter")
    saved(lambda content: content.get("masks") == suggested["masks"], "the mask is taken over")
    assert draft()["regions"] == suggested["regions"]
    assert draft()["answers"] == suggested["answers"]
    [proposed], [taken] = suggested["scoped"], draft()["scoped"]
    assert taken == {key: proposed[key] for key in ("series_instance_uid", "answers")}
    coloured(page, lambda count: count > 300, "the accepted mask is filled")
    dashes.wait_for(state="detached")

    page.keyboard.press("Control+z")
    saved(lambda content: "masks" not in content, "undo takes it back")
    page.keyboard.press("Control+Enter")
    page.locator("[data-action=tool_brush][aria-pressed=true]").wait_for()
    saved(lambda content: content.get("masks") == suggested["masks"], "it is there to be edited")
    box = page.locator("[data-testid=panes] canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.3, steps=4)
    page.mouse.up()
    saved(lambda content: content.get("masks") != suggested["masks"], "the edit is saved")
    page.keyboard.press("Enter")
    page.get_by_test_id("finished").wait_for()
    [outcome] = AuditEvent.objects.get(action="read_submitted").detail["suggestions"]
    assert (outcome["action"], outcome["is_changed"]) == ("edited", True)
    page.context.close()


def manages_the_mark(browser, address, troubles, cast, case):
    page = person.new_page(browser, address, troubles)
    page.set_viewport_size({"width": 1366, "height": 768})
    person.sign_in(page, "manager", factories.PASSWORD)
    page.goto(f"/projects/{cast.project.pk}?tab=marks")
    row = page.get_by_test_id("mark")
    row.get_by_text("Odd edge").wait_for()
    row.get_by_role("button", name="Give to").click()
    page.get_by_role("menuitem", name="annotator2").click()
    row.get_by_text("Kept for annotator2").wait_for()
    assert Handover.objects.get(case=case).reader == cast.annotator2

    row.get_by_role("link", name="Open P7").click()
    page.wait_for_selector(person.SHOWN, timeout=60_000)
    coloured(page, lambda count: count > 300, "the reader's mask is shown")
    page.get_by_test_id("region").wait_for()
    with page.expect_download() as download:
        page.keyboard.press("Control+#")
    data = gzip.decompress(download.value.path().read_bytes())
    found = np.asarray(nibabel.Nifti1Image.from_bytes(data).dataobj)
    assert found.shape == (SIDE, SIDE, SLICES)
    assert found[:, :, MIDDLE].T[SUGGESTED].min() == 1
    before = Annotation.objects.get().draft
    page.keyboard.press("Shift+b")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+>")
    page.locator("[data-testid=mark]:focus").wait_for()
    page.keyboard.press("Control+?")
    page.get_by_role("button", name="Reopen").wait_for()
    assert Mark.objects.get().resolved_by == cast.manager
    assert Annotation.objects.get().draft == before
    page.keyboard.press("Control+Shift+End")
    page.get_by_text("No marks").wait_for()
    page.get_by_text("All", exact=True).click()
    row.get_by_text("Odd edge").wait_for()
    reviews_only_what_it_has_seen(page, cast)


def reviews_only_what_it_has_seen(page, cast):
    change_settings(actor=cast.manager, project=cast.project, requires_review=True)
    factories.make_empty_cases(cast.project, 1)
    case = factories.claim(cast.annotator, cast.project).case
    read = reading.open_annotation(reader=cast.annotator, case=case)
    hand_in(read, "yes")
    page.get_by_role("tab", name="Reviews").click()
    page.get_by_text("Any finding?: yes").wait_for()
    hand_in(reading.reopen(actor=cast.annotator, annotation=read), "no")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("annotator has handed this read in again meanwhile.").wait_for()
    page.get_by_text("Any finding?: no").wait_for()

    # What the list holds now was never on the screen: nothing is sent.
    looks_at_the_read(page)
    hand_in(reading.reopen(actor=cast.annotator, annotation=read), "yes")
    page.goto(f"/projects/{cast.project.pk}?tab=reviews")
    page.get_by_text("Any finding?: yes").wait_for()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("alert").get_by_text("annotator has handed this read in again").wait_for()
    read.refresh_from_db()
    assert read.state == "submitted"

    looks_at_the_read(page)
    page.goto(f"/projects/{cast.project.pk}?tab=reviews")
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Nothing waits for review").wait_for()
    read.refresh_from_db()
    assert (read.state, read.draft["answers"]) == ("accepted", {"finding": "yes"})


def looks_at_the_read(page):
    page.get_by_role("link", name="Review").click()
    page.wait_for_selector("[data-testid=reading][data-phase=looking]")


def hand_in(read, finding):
    content = {"answers": {"finding": finding}}
    reading.submit(actor=read.reader, annotation=read, content=content, version=read.draft_version)


def test_a_reviewer_goes_from_one_read_to_the_next_by_key(live_cast):
    """What is returned says why, what was seen is approved; the images stay as they are between two reads of a case."""
    change_settings(
        actor=live_cast.manager, project=live_cast.project, requires_review=True, readers_per_case=2
    )
    case, _ = make_suggested_case(live_cast.project, live_cast.manager)
    live_cast.project.refresh_from_db()
    for reader in (live_cast.annotator, live_cast.annotator2):
        factories.claim(reader, live_cast.project)
        hand_in(reading.open_annotation(reader=reader, case=case), "yes")
    returned, approved = Annotation.objects.order_by("submitted_at")
    troubles: list[str] = []
    with person.visiting() as (address, browser):
        page = person.new_page(browser, address, troubles)
        page.set_viewport_size({"width": 1366, "height": 768})
        person.sign_in(page, "reviewer", factories.PASSWORD)
        page.goto(f"/projects/{live_cast.project.pk}?tab=reviews")
        page.get_by_role("link", name="Review").first.click()
        page.wait_for_selector(person.SHOWN, timeout=60_000)
        page.get_by_role("heading", name="Review 2").wait_for()
        assert faults(page) == ""
        assert page.get_by_role("group", name="Motion?").count() == 1  # of its series alone
        question = page.locator("[data-question=finding]")
        chosen, other = (
            question.get_by_role("button", name=name).evaluate(
                "b => getComputedStyle(b).backgroundColor"
            )
            for name in ("yes", "no")
        )
        assert chosen != other
        page.keyboard.press("Home")
        page.get_by_test_id("slice").get_by_text(f"1/{SLICES}", exact=True).wait_for()
        page.keyboard.press("Alt+Shift+Backspace")
        page.get_by_text("Say what is to be changed").first.wait_for()
        page.keyboard.type("The other side")
        page.keyboard.press("Escape")
        page.keyboard.press("Alt+Shift+Backspace")
        page.wait_for_url(f"**?read={approved.pk}&review=1")
        page.get_by_role("heading", name="Review 1").wait_for()
        page.get_by_test_id("slice").get_by_text(f"1/{SLICES}", exact=True).wait_for()
        page.wait_for_timeout(600)
        page.keyboard.press("Alt+Shift+Enter")
        page.get_by_role("heading", name="Nothing waits for review").wait_for()
    assert troubles == []
    for read in (returned, approved):
        read.refresh_from_db()
    assert (returned.state, approved.state) == ("draft", "accepted")
    [verdict] = Review.objects.filter(revision__annotation=returned)
    assert (verdict.verdict, verdict.comment) == ("return", "The other side")
