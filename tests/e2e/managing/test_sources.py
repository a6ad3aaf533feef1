"""A manager searches Orthanc in the browser, looks into a study, pulls it and pushes back."""

from tests import factories, orthanc, servers
from tests.e2e import browser as person

DONE = "[data-testid=transfer][data-state=completed]"


def test_search_preview_pull_and_push(live_cast):
    ct, here = factories.make_ct("ct", patient="P7"), factories.make_cases(live_cast.project, 1)
    troubles: list[str] = []
    with orthanc.running() as peer, servers.worker("default"):
        peer.add(*ct)
        make_source(live_cast.project, peer)
        with person.visiting() as (address, browser):
            page = person.new_page(browser, address, troubles)
            person.sign_in(page, "manager", factories.PASSWORD)
            page.get_by_role("link", name="Manage").first.click()
            page.get_by_role("tab", name="Sources").click()
            page.get_by_label("Patient ID").fill("P?")
            page.keyboard.press("Enter")
            row = page.get_by_test_id("remote-study")
            row.get_by_role("button").click()
            picture = page.get_by_test_id("remote-series").get_by_role("img")
            picture.wait_for()
            page.wait_for_function("e => e.naturalWidth > 0", arg=picture.element_handle())
            row.get_by_role("checkbox").check()
            page.get_by_role("button", name="Pull 1 study").click()
            page.locator(DONE).filter(has_text="5 new").wait_for(timeout=60_000)
            row.get_by_text("in this project").wait_for()
            page.get_by_role("button", name="Push all studies").click()
            page.get_by_role("button", name="Push to PACS").click()
            page.locator(DONE).filter(has_text="1 new, 5 there already").wait_for(timeout=60_000)
        assert len(peer.files()) == 6
    assert troubles == []
    assert here[0].study.series.count() == 1


def test_a_source_that_is_away_says_so_and_offers_to_try_again(live_cast):
    factories.make_source(live_cast.project)
    with person.visiting() as (address, browser):
        page = person.new_page(browser, address, [])
        person.sign_in(page, "manager", factories.PASSWORD)
        page.get_by_role("link", name="Manage").first.click()
        page.get_by_role("tab", name="Sources").click()
        page.get_by_role("button", name="Search").click()
        page.get_by_text("PACS: The search failed: it cannot be reached.").wait_for()
        page.get_by_role("button", name="Try again").wait_for()


def make_source(project, peer):
    from annotation.archive.remote import Credentials
    from annotation.labeling.services import sources

    credentials = Credentials(user=orthanc.USER, password=peer.password)
    source = sources.add_source(name="PACS", url=peer.url, credentials=credentials)
    sources.grant_source(source=source, project=project)
