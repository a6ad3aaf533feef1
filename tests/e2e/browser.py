"""Chromium as the tests start it, and the steps a person takes."""

import contextlib
import functools

from playwright.sync_api import Error, Page, TimeoutError, sync_playwright

from tests import servers

ARGUMENTS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
]  # fmt: skip
#: WebGL draws the images all the same; the page around them costs a third of the work.
PLAIN_PAGES = ["--disable-gpu-compositing", "--disable-gpu-rasterization",
               "--disable-accelerated-2d-canvas", "--process-per-site"]  # fmt: skip
EXECUTABLE = "/usr/bin/chromium"
LEFT_BEHIND = "local_storage,indexeddb,cache_storage,service_workers"
SHOWN = "[data-testid=overlay][data-status=shown]"
NEXT_CASE = """before => {
  const reading = document.querySelector('[data-testid=reading]')
  const overlay = document.querySelector('[data-testid=overlay]')
  return reading && reading.dataset.case !== before && reading.dataset.phase === 'reading'
    && overlay.dataset.status === 'shown'
}"""


class Person:
    """Somebody's own part of the browser. What it has read and compiled of our program serves the next one: nothing
    else of what a person leaves behind stays."""

    def __init__(self, browser, address):
        self.address, self.is_busy = address, False
        self.context = browser.new_context(base_url=address)
        self._keeper = self.context.new_page()  # the process ends with its last page
        self._keeper.goto("/healthz")
        self._storage = self.context.new_cdp_session(self._keeper)

    def new_page(self):
        self.is_busy = True
        return self.context.new_page()

    def leave(self):
        """Whether the next one may come."""
        try:
            for page in self.context.pages:
                if page != self._keeper:
                    page.close()
            self.context.clear_cookies()
            self._storage.send(
                "Storage.clearDataForOrigin", {"origin": self.address, "storageTypes": LEFT_BEHIND}
            )
        except Error:  # the test has closed it, or let it crash
            return False
        self.is_busy = False
        return True


class Session:
    """What the tests of a session share: a server and a browser take seconds to start."""

    def __init__(self, stack):
        self._stack = stack
        self.playwright = stack.enter_context(sync_playwright())
        self._people = []

    @functools.cached_property
    def address(self):
        return self._stack.enter_context(servers.web_server())

    @functools.cached_property
    def browser(self):
        return self._stack.enter_context(chromium([*ARGUMENTS, *PLAIN_PAGES]))

    def new_page(self, address):
        free = [one for one in self._people if one.address == address and not one.is_busy]
        if not free:
            free = [Person(self.browser, address)]
            self._people += free
        return free[0].new_page()

    def close_pages(self):
        self._people = [one for one in self._people if one.leave()]
        kept = [one.context for one in self._people]
        for context in self.browser.contexts:
            if context not in kept:
                context.close()


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
        shared.close_pages()


@contextlib.contextmanager
def chromium(arguments=ARGUMENTS):
    """A browser of one's own."""
    with contextlib.ExitStack() as stack:
        shared = [one.playwright for one in _sessions]
        [playwright] = shared or [stack.enter_context(sync_playwright())]
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
        yield browser
        browser.close()


def new_page(browser, address, troubles, *, has_own_clock=False) -> Page:
    """A small page of a new person: software draws each pixel. Errors and 5xx answers land in `troubles`.

    A clock is that of all pages of a context, those of later tests too: a page whose clock is set needs one of its own,
    and needs it before anything is waited for.
    """
    page = _page_of_a_new_person(browser, address, shares=not has_own_clock)
    if has_own_clock:
        page.clock.install()
    page.set_viewport_size({"width": 900, "height": 600})
    page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
    page.on("console", lambda m: troubles.append(m.text) if "Content Security" in m.text else None)
    page.on(
        "response", lambda r: troubles.append(f"{r.status} {r.url}") if r.status >= 500 else None
    )
    return page


def _page_of_a_new_person(browser, address, *, shares):
    for shared in _sessions:
        if shares and browser is shared.browser:
            return shared.new_page(address)
    return browser.new_context(base_url=address).new_page()


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
