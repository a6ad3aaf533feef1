"""Drives the two pages and takes the times inside the browser."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.test import Client

from tests.e2e import browser as person

PAINT_WATCH = """() => {
  window.painted = null
  const DRAWN = ['rendered', 'needsRender'] // not what is drawn before there is an image
  const look = ({ target, detail }) => {
    if (window.painted !== null || !DRAWN.includes(detail.viewportStatus)) return
    const now = performance.now()
    const canvas = target.querySelector('canvas.cornerstone-canvas')
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const greys = new Set()
    for (let i = 0; i < data.length; i += 4 * 97) greys.add(data[i])
    if (greys.size > 20) window.painted = now
  }
  // Only when there is a picture: reading pixels back slows what is measured.
  window.addEventListener('CORNERSTONE_IMAGE_RENDERED', look, true)
}"""
SCROLL = """([act, steps]) => new Promise((resolve) => {
  const element = document.querySelector('canvas.cornerstone-canvas').closest('[data-viewport-uid]')
  const step = new Function('number', act)
  let done = 0, began = 0
  element.addEventListener('CORNERSTONE_IMAGE_RENDERED', () => {
    if (done === WARM) began = performance.now()
    if (done === WARM + steps) resolve((performance.now() - began) / steps)
    else step(done++)
  })
  step(done++)
})""".replace("WARM", "10")
PRESS = """window.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true }))"""
GO = "plain.go(140 - number)"
#: When the reading page first drew a picture of another study than the one that was handed in, ms.
NEXT_WATCH = """() => {
  const room = document.querySelector('[data-testid=panes]').workstation
  const before = room.state.panes[0].study
  const pane = document.querySelector('canvas.cornerstone-canvas').closest('[data-viewport-uid]')
  window.nextDrawn = null
  pane.addEventListener('CORNERSTONE_IMAGE_RENDERED', () => {
    const { study, status } = room.state.panes[0]
    if (window.nextDrawn === null && status === 'shown' && study !== before)
      window.nextDrawn = performance.now()
  })
}"""
MEMORY_WATCH = """() => {
  const room = document.querySelector('[data-testid=panes]').workstation
  const { frames, loaded } = room.state.panes[0]
  const found = { frames, loaded_then: loaded, first_ms: window.painted, most_bytes: 0 }
  const look = () => {
    const { bytes, limit } = room.memory()
    const { loaded } = room.state.panes[0]
    Object.assign(found, { most_bytes: Math.max(found.most_bytes, bytes), limit_bytes: limit, loaded })
  }
  look()
  window.memoryWatched = found
  room.subscribe(look)
}"""
ALL_LOADED = "[data-testid=overlay][data-loaded=all]"
STEPS = 100
STROKE = 40
#: Pixels of the canvas that are not grey: what the strokes have painted.
COLOURED = """() => {
  const canvas = document.querySelector('canvas.cornerstone-canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let count = 0
  for (let i = 0; i < data.length; i += 4) count += Math.abs(data[i] - data[i + 2]) > 24 ? 1 : 0
  return count
}"""
LEAST_PAINTED = 2000


@dataclass(frozen=True)
class Long:
    """What opening a long series did; `loaded_then` is of the frames when the first was drawn."""

    frames: int
    first_ms: float
    loaded_then: int
    loaded: int
    most_bytes: int
    limit_bytes: int


class Pages:
    """Ours and the plain one, each time in a fresh profile."""

    def __init__(
        self, browser: Any, address: str, session: Any, large: Any, many: Any, series: str
    ) -> None:
        self._browser, self._address = browser, address
        self._session = session
        self._large, self._many = large, many
        self._series = f"{address}/dicomweb/projects/{large}/{series}"
        self._size = (512, 512)
        self._size = self._pane_size()  # both pages draw as many pixels

    def cold(self, which: str) -> float:
        """From the address, scripts and all, to the first pixels, ms; nothing is cached."""
        page = self._open(which)
        page.wait_for_function("() => window.painted !== null", timeout=120_000)
        painted = page.evaluate("() => window.painted")
        page.context.close()
        return float(painted)

    def scroll(self, which: str) -> float:
        """One step through slices that are loaded, each as soon as the last is drawn, ms (mean)."""
        page = self._open(which)
        self._wait_until_loaded(page, which)
        took = page.evaluate(SCROLL, [PRESS if which == "ours" else GO, STEPS])
        page.context.close()
        return float(took)

    def brush(self, which: str) -> float:
        """One step of a stroke over a label map of 300 slices, ms (mean)."""
        page = self._open(which)
        self._wait_until_loaded(page, which)
        if which == "plain":
            page.evaluate("() => plain.brush()")
        else:
            page.locator("[data-action=tool_brush]").click()
        box = page.locator("canvas.cornerstone-canvas").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self._stroke(page, x - 100, y - 60)  # the label map is made with the first
        took = self._stroke(page, x - 100, y)
        painted = page.evaluate(COLOURED)
        if painted < LEAST_PAINTED:
            raise AssertionError(f"The stroke on the {which} page painted {painted} pixels.")
        page.context.close()
        return took

    def _stroke(self, page: Any, left: float, y: float) -> float:
        page.mouse.move(left, y)
        page.mouse.down()
        began = page.evaluate("() => performance.now()")
        for step in range(STROKE):
            page.mouse.move(left + 5 * step, y)
        page.mouse.up()
        page.evaluate(
            "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"
        )
        took = page.evaluate("() => performance.now()") - began
        return float(took) / STROKE

    def next_cases(self, count: int) -> list[float]:
        """From Enter to the drawn image of the next case, ms."""
        page = self._signed_in(f"/projects/{self._many}/read")
        page.wait_for_selector(person.SHOWN, timeout=120_000)
        times = []
        for _ in range(count):
            page.wait_for_timeout(1500)  # a reader looks; the next case is fetched meanwhile
            page.evaluate(NEXT_WATCH)
            page.keyboard.press("1")
            began = page.evaluate("() => performance.now()")
            page.keyboard.press("Enter")
            drawn = page.wait_for_function("() => window.nextDrawn", timeout=60_000)
            times.append(drawn.json_value() - began)
            page.wait_for_selector(person.SHOWN)
        page.context.close()
        return times

    def long(self, project: Any) -> Long:
        """Opens the series of a project from its address and waits until all of it is loaded."""
        page = self._signed_in(f"/projects/{project}/read")
        page.wait_for_function("() => window.painted !== null", timeout=120_000)
        page.evaluate(MEMORY_WATCH)
        page.wait_for_selector(ALL_LOADED, timeout=600_000)
        found = page.evaluate("() => window.memoryWatched")
        page.context.close()
        return Long(**found)

    def _pane_size(self) -> tuple[int, int]:
        page = self._open("ours")
        box = page.locator("canvas.cornerstone-canvas").first.bounding_box()
        page.context.close()
        return round(box["width"]), round(box["height"])

    def _open(self, which: str) -> Any:
        width, height = self._size
        plain = f"/plain/index.html#{quote(self._series, safe='')}|{width}|{height}"
        page = self._signed_in(plain if which == "plain" else f"/projects/{self._large}/read")
        page.wait_for_selector("canvas.cornerstone-canvas", timeout=120_000)
        return page

    def _signed_in(self, path: str) -> Any:
        page = person.new_page(self._browser, self._address, [])
        page.context.add_cookies([self._session])  # no page of ours has filled the cache
        page.add_init_script(f"({PAINT_WATCH})()")
        page.goto(path)
        return page

    def _wait_until_loaded(self, page: Any, which: str) -> None:
        page.wait_for_function("() => window.painted !== null", timeout=120_000)
        if which == "plain":
            page.evaluate("() => plain.loadAll()")
        else:
            page.wait_for_selector(ALL_LOADED, timeout=120_000)


def session_of(reader: Any, address: str) -> dict[str, Any]:
    """The cookie of somebody who has signed in, as Playwright takes it."""
    client = Client()
    client.force_login(reader)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": cookie.key, "value": cookie.value, "url": address}
