"""The reading room by keyboard, in the reader's language, with keys of one's own; the schema as forms."""

from playwright.sync_api import Route

from annotation.labeling.models import Assignment, AssignmentState, Mark, MarkKind
from tests import factories
from tests.e2e import browser as person
from tests.e2e.legible import unreadable
from tests.e2e.rooms import Room

GERMAN = "html[lang=de]"
#: Faster than the page is drawn anew.
HAND_IN_AND_FLAG = """() => ['Enter', '!'].forEach((key) =>
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))"""


def test_keys_do_what_the_cheat_sheet_says_and_not_while_typing(live_cast):
    factories.make_cases(live_cast.project, 3)
    troubles: list[str] = []
    with person.visiting() as (address, browser):
        page = person.new_page(browser, address, troubles)
        person.sign_in(page, "annotator", factories.PASSWORD)
        first = person.open_case(page)
        panel = page.get_by_role("complementary")
        page.keyboard.press(":")
        panel.wait_for(state="detached")
        page.keyboard.press(":")
        panel.wait_for()

        page.keyboard.press("?")
        sheet = page.get_by_role("dialog", name="Keys")
        sheet.get_by_text("Submit and next").wait_for()
        page.keyboard.press("1")  # a dialog is open: nothing is answered behind it
        page.keyboard.press("Escape")
        sheet.wait_for(state="detached")
        assert page.locator("[aria-pressed=true] kbd").count() == 0

        # A tool that is off says why, to the keyboard too, and does nothing.
        page.locator("[data-action=planes]").focus()
        page.get_by_role("tooltip").get_by_text("a single image").wait_for()
        page.keyboard.press("Enter")
        assert person.current_case(page) == first

        page.evaluate("document.activeElement.blur()")  # as a click into the images does
        second = a_reason_stays_with_the_case_it_was_asked_for(page, first)
        what_readers_note_has_its_reason(page, second)
    assert troubles == []


def a_reason_stays_with_the_case_it_was_asked_for(page, case):
    """Also where that is handed in while it is typed; returns the next case."""
    held: list[Route] = []
    page.route("**/submission", lambda route: held.append(route))
    page.keyboard.press("2")
    with page.expect_request("**/submission"):
        page.evaluate(HAND_IN_AND_FLAG)
    page.get_by_role("dialog").get_by_label("Reason").fill("Odd edge")
    page.locator("[data-action=skip][aria-disabled=true]").wait_for()
    held.pop().continue_()
    page.wait_for_function(person.NEXT_CASE, arg=case, timeout=60_000)
    page.get_by_text("The mark goes to it, not to the case that is open now").wait_for()
    with page.expect_response("**/marks/flag"):
        page.keyboard.press("Enter")
    assert str(Mark.objects.get().case_id) == case
    page.unroute("**/submission")
    return person.current_case(page)


def what_readers_note_has_its_reason(page, case):
    """A flag and a wish for a second opinion stay with the case; a skipped one gives way to the next."""
    for key, kind, reason in (("!", "flag", "Odd edge"), ("*", "second_opinion", "Is it one?")):
        give_a_reason(page, key, reason)
        page.locator(f"[data-action={kind}][aria-pressed=true]").wait_for()
        assert Mark.objects.get(case=case, kind=kind).reason == reason
    page.keyboard.press("!")
    page.locator("[data-action=flag][aria-pressed=false]").wait_for()
    assert list(Mark.objects.filter(case=case).values_list("kind", flat=True)) == ["second_opinion"]
    give_a_reason(page, ">", "Too blurred")
    page.wait_for_function(person.NEXT_CASE, arg=case, timeout=60_000)
    assert Mark.objects.get(case=case, kind=MarkKind.SKIP).reason == "Too blurred"
    assert Assignment.objects.get(case=case).state == AssignmentState.RELEASED
    page.locator("[data-action=second_opinion][aria-pressed=false]").wait_for()


def give_a_reason(page, key, reason):
    """By keys alone; nothing is sent without a reason."""
    page.keyboard.press(key)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").wait_for()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    page.keyboard.type(reason)
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")


def test_language_and_keys_follow_the_reader(live_cast):
    factories.make_cases(live_cast.project, 2)
    troubles: list[str] = []
    with person.visiting() as (address, browser):
        page = person.new_page(browser, address, troubles)
        person.sign_in(page, "annotator", factories.PASSWORD)
        page.goto("/preferences")
        row = page.locator("[data-action=invert]")
        row.get_by_role("button", name="Change the key").click()
        page.keyboard.press("q")
        row.get_by_text("plain letters and digits belong to the answers").wait_for()
        page.keyboard.press("Shift+B")
        row.get_by_text("it means “Brush”").wait_for()
        page.keyboard.press("Shift+F11")
        row.get_by_text("Shift F11", exact=True).wait_for()
        page.get_by_text("Deutsch", exact=True).click()
        page.get_by_role("heading", name="Einstellungen").wait_for()

        # Another browser of the same person knows both, before it claims a case.
        other = person.new_page(browser, address, troubles)
        other.goto("/")
        other.get_by_label("User name").fill("annotator")
        other.locator("input[type=password]").fill(factories.PASSWORD)
        other.keyboard.press("Enter")
        other.get_by_role("heading", name="Projekte").wait_for()
        assert other.locator(GERMAN).count() == 1
        other.get_by_role("link", name="Befunden").first.click()
        other.wait_for_selector(person.SHOWN, timeout=60_000)
        other.get_by_role("button", name="Abgeben und weiter").wait_for()
        other.set_viewport_size({"width": 1366, "height": 768})
        assert unreadable(other) == []  # German words are long
        other.keyboard.press("?")
        sheet = other.get_by_role("dialog", name="Tasten")
        sheet.get_by_text("Umschalt F11", exact=True).wait_for()
        other.keyboard.press("Escape")
        sheet.wait_for(state="detached")
        the_new_key_inverts_and_the_old_one_does_not(Room(other))
    assert troubles == []


def the_new_key_inverts_and_the_old_one_does_not(room):
    room.page.keyboard.press("i")
    room.page.keyboard.press("Shift+F11")
    room.until("p.isInverted")  # twice would be not at all
    room.page.keyboard.press("i")
    room.page.keyboard.press("=")  # any key that is done when it has been heard
    assert room.pane()["isInverted"]


def test_a_manager_writes_a_question_and_readers_get_it(live_cast):
    factories.make_cases(live_cast.project, 1)
    troubles: list[str] = []
    with person.visiting() as (address, browser):
        page = person.new_page(browser, address, troubles)
        page.set_viewport_size({"width": 1366, "height": 768})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Schema").click()
        page.get_by_role("button", name="Add a question").click()
        form = page.get_by_role("region", name="Question 3")
        form.get_by_label("Label").first.fill("Image quality")
        form = page.get_by_role("region", name="Image quality")
        page.get_by_text("“Image quality” has too few options.").wait_for()
        assert page.get_by_role("button", name="Publish").is_disabled()
        for _ in range(2):
            form.get_by_role("button", name="Add an option").click()
        keys = form.get_by_label("Key", exact=True)
        keys.nth(0).fill("?")
        page.get_by_text("belongs to the viewer").wait_for()
        keys.nth(0).fill("g")
        page.get_by_role("button", name="Publish").click()
        page.get_by_text("Version 2 is in force").wait_for()
        page.goto("/")
        person.open_case(page)
        group = page.get_by_role("group", name="Image quality")
        page.keyboard.press("g")
        group.locator("[aria-pressed=true]").get_by_text("Option 1").wait_for()
    assert troubles == []
