"""The harness page of the frontend's tests: regions and masks on real viewports, without a server."""

import base64
import contextlib
import functools
import http.server
import json
import subprocess
import threading
from pathlib import Path

import numpy as np

FRONTEND = Path(__file__).parents[2] / "frontend"
SHAPE = (12, 64, 128)  # z, y, x: of tests/harness/phantom.ts
ORIGIN, SPACING = (-20, 10, 100), (0.5, 1, 3)  # x, y, z


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(folder):
    """Builds the page and serves it from an empty folder; its address."""
    build = ["vite", "build", "--config", "tests/harness/vite.config.ts", "--outDir", str(folder)]
    command = [str(FRONTEND / "npm"), "exec", "--silent", "--", *build, "--logLevel", "error"]
    subprocess.run(command, check=True, cwd=FRONTEND)
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Room:
    def __init__(self, page):
        self.page = page

    def evaluate(self, script):
        return self.page.evaluate(script)

    def take(self, tool):
        self.evaluate(f"harness.take('{tool}')")

    def where(self, pane, pixel, slice_index):
        """On the page, the centre of a pixel."""
        x, y = pixel
        steps = zip(ORIGIN, SPACING, (x, y, slice_index), strict=True)
        world = [origin + step * number for origin, step, number in steps]
        return self.page.evaluate("([pane, world]) => harness.onPage(pane, world)", [pane, world])

    def drag(self, pane, *places):
        """Through (x, y, slice) places with the left button down."""
        self.press(pane, *places)
        self.page.mouse.up()

    def press(self, pane, *places):
        """The same without letting go."""
        first, *others = [self.where(pane, (x, y), z) for x, y, z in places]
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for point in others:
            self.page.mouse.move(*point, steps=6)

    def click(self, pane, place):
        x, y, z = place
        self.page.mouse.click(*self.where(pane, (x, y), z))

    def regions(self, count):
        """The regions, once there are so many."""
        self.page.wait_for_function(f"(harness.content().regions ?? []).length === {count}")
        return self.evaluate("harness.content().regions ?? []")

    def undo(self):
        self.evaluate("harness.draft.undo()")

    def redo(self):
        self.evaluate("harness.draft.redo()")

    def hold_brush(self, segment=1, threshold=None):
        """With `threshold`, for the threshold brush alone."""
        self.take("brush")
        self.evaluate(f"harness.masks.setSegment({segment}, 0)")
        bounds = json.dumps(threshold)
        self.evaluate(
            f"harness.masks.setBrush({{ radius_mm: 4, shape: 'circle', threshold: {bounds} }})"
        )
        # The labelmap is on the screen before the first stroke.
        self.page.wait_for_timeout(300)

    def stroke(self, pane, *places):
        """Paint; returns the labels per slice in the content once they are those of the picture."""
        before = self.evaluate("harness.log.length")
        self.drag(pane, *places)
        self.page.wait_for_function(
            f"harness.log.slice({before}).some(line => line.startsWith('stroke'))"
        )
        return self.painted()

    def painted(self):
        """Labels per instance in the content, which must be what Cornerstone shows."""
        assert self.evaluate(SHOWN_IS_CONTENT)
        found = self.evaluate("harness.painted()")
        return {int(place.split(":")[0].split(".")[-1]) - 1: n for place, n in found.items()}

    def do_with(self, tool, pane, *places):
        """Take a tool of the masks and drag it, or click; returns the labels [z, y, x] once they changed."""
        self.take(tool)
        before = self.evaluate("harness.log.length")
        points = [np.round(self.where(pane, (x, y), z)).tolist() for x, y, z in places]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point, steps=3)
        self.page.mouse.up()
        self.page.wait_for_function(
            f"harness.log.slice({before}).some(line => line.startsWith('stroke'))"
        )
        return self.voxels()

    def hit_at(self, pane, place):
        """The point of the patient (LPS mm) that a click at a place hits: the mouse has whole pixels only."""
        x, y, z = place
        point = np.round(self.where(pane, (x, y), z)).tolist()
        return np.array(
            self.page.evaluate("([pane, p]) => harness.inPatient(pane, p)", [pane, point])
        )

    def voxels(self):
        """The labels of the content as [z, y, x], which must be what Cornerstone shows."""
        self.evaluate("harness.masks.rest()")
        assert self.evaluate(SHOWN_IS_CONTENT)
        slices = self.evaluate("harness.voxels()")
        return np.frombuffer(b"".join(map(base64.b64decode, slices)), np.uint8).reshape(SHAPE)

    def lock(self, *segments):
        """These segments, and no others."""
        self.dress("isLocked", segments)

    def hide(self, *segments):
        """These segments, and no others."""
        self.dress("isHidden", segments)

    def dress(self, look, segments):
        self.evaluate(
            "harness.masks.setAppearance(harness.segments.map(s =>"
            f" ({{ ...s, {look}: {list(segments)}.includes(s.value) }})), false)"
        )


# The content follows the picture once its slices are compressed; wait_for_function takes a promise
# for a yes, so the page itself waits.
SHOWN_IS_CONTENT = """async () => {
  const key = (place) => place.replace(/^.*instances\\//, '').replace('/frames/', ':')
  const sorted = (counts) => JSON.stringify(
    Object.entries(counts).map(([place, n]) => [key(place), n]).sort((a, b) => a[0] < b[0] ? -1 : 1))
  for (let tries = 0; tries < 200; tries++) {
    if (sorted(harness.labelmap()) === sorted(await harness.painted())) return true
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return false
}"""
