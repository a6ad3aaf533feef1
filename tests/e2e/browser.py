"""Chromium as the tests start it, and the steps a person takes."""

import contextlib
import functools

from playwright.sync_api import Page, TimeoutError, sync_playwright

from tests import servers

ARGUMENTS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
]  # fmt: skip
EXECUTABLE = "/usr/bin/chromium"
SHOWN = "[data-testid=overlay][data-status=shown]"
NEXT_CASE = """before => {
  const reading = document.querySelector('[data-testid=reading]')
  const overlay = document.querySelector('[data-testid=overlay]')
  return reading && reading.dataset.case !== before && reading.dataset.phase === 'reading'
    && overlay.dataset.status === 'shown'
}"""


class Session:
    """What the tests of a session share: a server and a browser take seconds to start."""

    def __init__(self, stack):
        self._stack = stack
        self.playwright = stack.enter_context(sync_playwright())

    @functools.cached_property
    def address(self):
        return self._stack.enter_context(servers.web_server())

    @functools.cached_property
    def browser(self):
        return self._stack.enter_context(chromium())


_sessions: list[Session] = []


@contextlib.contextmanager
def session():
    """In it `visiting` works, and only one Playwright runs: a second one in its thread would not."""
    with contextlib.ExitStack() as stack:
        _sessions.append(Session(stack))
        try:
            yield
        finally:
            _sessions.clear()


@contextlib.contextmanager
def visiting():
    """The address of a server, and a browser whose pages are closed afterwards."""
    [shared] = _sessions
    try:
        yield shared.address, shared.browser
    finally:
        for context in shared.browser.contexts:
            context.close()


@contextlib.contextmanager
def chromium(arguments=ARGUMENTS):
    """A browser of one's own."""
    with contextlib.ExitStack() as stack:
        shared = [one.playwright for one in _sessions]
        [playwright] = shared or [stack.enter_context(sync_playwright())]
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
        yield browser
        browser.close()


def new_page(browser, address, troubles) -> Page:
    """A small page of a new person: software draws each pixel. Errors and 5xx answers land in `troubles`."""
    page = browser.new_context(base_url=address, viewport={"width": 900, "height": 600}).new_page()
    page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
    page.on("console", lambda m: troubles.append(m.text) if "Content Security" in m.text else None)
    page.on(
        "response", lambda r: troubles.append(f"{r.status} {r.url}") if r.status >= 500 else None
    )
    return page


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/")
    page.get_by_label("User name").fill(username)
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Projects").wait_for()


def open_case(page: Page) -> str:
    """Start reading; returns the case once its image is on the screen."""
    page.get_by_role("link", name="Read", exact=True).first.click()
    page.wait_for_selector(SHOWN, timeout=60_000)
    return current_case(page)


def current_case(page: Page) -> str:
    return page.get_attribute("[data-testid=reading]", "data-case") or ""


def answer_and_submit(page: Page, key: str) -> str:
    """Press the option's key and Enter; returns the next case once it is painted."""
    before = current_case(page)
    page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_function(NEXT_CASE, arg=before, timeout=60_000)
    return current_case(page)


PAINTED = """() => {
  const canvas = document.querySelector('canvas.cornerstone-canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const greys = new Set()
  for (let i = 0; i < data.length; i += 4 * 97) greys.add(data[i])
  return greys.size > 20
}"""


def canvas_is_painted(page: Page) -> bool:
    """Whether the canvas shows more than one grey, within the frames that drawing takes."""
    try:
        page.wait_for_function(PAINTED, timeout=5_000)
    except TimeoutError:
        return False
    return True
