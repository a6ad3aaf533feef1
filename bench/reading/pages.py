"""Drives the two pages and takes the times inside the browser."""

import gzip
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
RENDERED = """(act) => new Promise((resolve) => {
  const element = document.querySelector('canvas.cornerstone-canvas').closest('[data-viewport-uid]')
  const began = performance.now()
  element.addEventListener('CORNERSTONE_IMAGE_RENDERED',
    () => resolve(performance.now() - began), { once: true })
  ;(0, eval)(act)
})"""
PRESS = """window.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true }))"""
STEPS = 40


class Pages:
    """Ours and the plain one, each time in a fresh profile."""

    def __init__(
        self, browser: Any, address: str, password: str, large: Any, many: Any, series: str
    ) -> None:
        self._browser, self._address, self._password = browser, address, password
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
        """One step through slices that are loaded, ms (median)."""
        page = self._open(which)
        self._wait_until_loaded(page, which)
        times = []
        for step in range(STEPS):
            act = PRESS if which == "ours" else f"plain.go({140 - step})"
            times.append(page.evaluate(RENDERED, act))
        page.context.close()
        return sorted(times)[len(times) // 2]

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
        page.mouse.move(x - 100, y)
        page.mouse.down()
        began = page.evaluate("() => performance.now()")
        for step in range(STEPS):
            page.mouse.move(x - 100 + 5 * step, y)
        page.mouse.up()
        page.evaluate(
            "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"
        )
        took = page.evaluate("() => performance.now()") - began
        page.context.close()
        return float(took) / STEPS

    def next_cases(self, count: int) -> list[float]:
        """From Enter to the painted image of the next case, ms."""
        page = self._signed_in(f"/projects/{self._many}/read")
        page.wait_for_selector(person.SHOWN, timeout=120_000)
        times = []
        for _ in range(count):
            page.wait_for_timeout(1500)  # a reader looks; the next case is fetched meanwhile
            before = person.current_case(page)
            page.keyboard.press("1")
            began = page.evaluate("() => performance.now()")
            page.keyboard.press("Enter")
            page.wait_for_function(person.NEXT_CASE, arg=before, timeout=60_000, polling="raf")
            times.append(page.evaluate("() => performance.now()") - began)
        page.context.close()
        return times

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
        person.sign_in(page, "manager", self._password)
        page.add_init_script(f"({PAINT_WATCH})()")
        page.goto(path)
        return page

    def _wait_until_loaded(self, page: Any, which: str) -> None:
        page.wait_for_function("() => window.painted !== null", timeout=120_000)
        if which == "plain":
            page.evaluate("() => plain.loadAll()")
        else:
            page.wait_for_selector("[data-testid=overlay][data-loaded=all]", timeout=120_000)


def script_bytes(folder: Path, name: str) -> int:
    """The JavaScript of a page's chunk and all that it imports, gzip; of the viewer its chunk alone."""
    assets = folder / "assets"
    wanted = {path.name for path in assets.glob(f"{name}-*.js")}
    if name != "viewer":
        wanted |= set(re.findall(r"/assets/([\w.-]+\.js)", (folder / "index.html").read_text()))
    seen: set[str] = set()
    while name != "viewer" and wanted - seen:
        script = (wanted - seen).pop()
        seen.add(script)
        text = (assets / script).read_text()
        wanted |= set(re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', text))
    return sum(len(gzip.compress((assets / script).read_bytes(), 6)) for script in wanted)
