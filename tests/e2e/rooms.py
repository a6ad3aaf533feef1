"""The reading page of a project in a real browser, with what the tests see and do there."""

import base64
import contextlib
import io
import json
from dataclasses import dataclass

import numpy as np
import pydicom
import pytest
from django.conf import settings
from django.test import Client
from PIL import Image
from playwright.sync_api import Page, TimeoutError

from annotation.accounts.models import User
from annotation.archive import storage
from annotation.archive.services.ingest import ingest
from annotation.imaging import conversion, masks
from annotation.labeling.models import Annotation
from annotation.labeling.services.projects import add_cases, publish_schema
from tests import factories, servers
from tests.e2e import browser as person

WORKSTATION = "document.querySelector('[data-testid=panes]').workstation"
SIDE, PIXEL_MM, SLICES, SLICE_MM = 64, 1.5, 40, 2.0
CORNER_MM = -48.0  # of the first voxel's centre, along x and y
MARK = (45, 20, 30)  # the voxel (x, y, z) in the middle of a bright cube of 3 voxels
MARK_MM = np.array([19.5, -18.0, 60.0])


COLOURS = """([pane, points]) => {
  const w = document.querySelector('[data-testid=panes]').workstation
  const canvas = document.querySelector(`[data-pane='${pane}'] canvas`)
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const dense = canvas.width / canvas.clientWidth
  return points.map((point) => {
    const [x, y] = w.toCanvas(pane, point).map((v) => Math.floor(v * dense))
    const at = 4 * (y * canvas.width + x)
    return [data[at], data[at + 1], data[at + 2]]
  })
}"""


@dataclass
class Room:
    """The reading page of one project, with the commands of its workstation."""

    page: Page

    def do(self, code):
        """Run commands on the workstation `w`; returns what the code returns."""
        return self.page.evaluate(f"async () => {{ const w = {WORKSTATION}; {code} }}")

    def until(self, condition, pane=0):
        """Wait until a condition on the state `s` and its pane `p` holds."""
        test = f"() => {{ const s = {WORKSTATION}.state, p = s.panes[{pane}]; return {condition} }}"
        try:
            self.page.wait_for_function(test, timeout=30_000, polling=50)
        except TimeoutError:
            pytest.fail(f"waited in vain until {condition}: {json.dumps(self.pane(pane))}")

    def pane(self, pane=0):
        return self.do(f"const {{ study, series, ...p }} = w.state.panes[{pane}]; return p")

    def show(self, pane, series, presentation="stack"):
        self.do(
            "const { study } = w.state.panes[0];"
            f"const series = study.series[{series}];"
            f"await w.show({pane}, {{ study, series, as: '{presentation}' }})"
        )

    def has_letters(self, expected, pane=0):
        """Whether they stand at the left, right, top and bottom edge, once the page has followed."""
        test = f"""() => ['left', 'right', 'top', 'bottom'].map((edge) => document.querySelector(
          `[data-pane='{pane}'] [data-testid=edge-${{edge}}]`)?.textContent).join('') === '{expected}'"""
        try:
            self.page.wait_for_function(test, timeout=5_000)
        except TimeoutError:
            return False
        return True

    def has_window(self, text):
        """Whether the first pane says so, once the page has followed."""
        self.page.get_by_test_id("window").get_by_text(text).first.wait_for(timeout=5_000)
        return True

    def at(self, pane, x, y):
        """A point of a pane, in its own pixels or (below 1) as shares of its size, on the page."""
        box = self.page.locator(f"[data-testid=pane][data-pane='{pane}']").bounding_box()
        inside = [v * size if v < 1 else v for v, size in ((x, box["width"]), (y, box["height"]))]
        return box["x"] + inside[0], box["y"] + inside[1]

    def picture(self, pane=0, canvas="canvas"):
        """What a pane shows, as grey values [y, x]; or another canvas in it."""
        self.settle()
        png = self.page.evaluate(
            f"""() => document.querySelector("[data-pane='{pane}'] {canvas}").toDataURL('image/png')"""
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(png.split(",")[1]))).convert("L"))

    def centre_of_bright(self, pane=0):
        """Where the bright pixels of a pane lie in the patient (LPS mm); None without any."""
        rows, columns = np.nonzero(self.picture(pane) > 128)
        if len(rows) == 0:
            return None
        point = [float(columns.mean()) + 0.5, float(rows.mean()) + 0.5]
        return np.array(self.do(f"return w.toPatient({pane}, {point})"))

    def take(self, tool):
        self.page.locator(f"[data-action=tool_{tool}]").click()
        self.until(f"s.tool === '{tool}'")

    def hover_brush(self, pane, x, y):
        """Bring the brush over a place of a pane, until its ring says that it can paint there."""
        # The handles of a region, which the hand has just left, have no opacity of what fills them.
        ring = self.page.locator(f"[data-pane='{pane}'] svg.svg-layer circle[fill-opacity]")
        for wiggle in range(100):
            self.page.mouse.move(x + wiggle % 2, y)
            if ring.count() > 0:
                break
            self.page.wait_for_timeout(50)
        self.page.mouse.move(x, y)
        assert ring.count() == 1, f"{ring.count()} rings"

    def canvas_of(self, pane, point_mm):
        """Where a point of the patient lies in a pane."""
        return self.do(f"return w.toCanvas({pane}, {list(map(float, point_mm))})")

    def pixel(self, x, y):
        """On the page, the centre of a pixel of the phantom's slice in the first pane."""
        z = self.pane()["slice"] - 1
        return np.round(self.at(0, *self.canvas_of(0, voxel_mm(x, y, z))))

    def draw(self, tool, start, end):
        """Take a tool and drag it from one pixel to another."""
        self.take(tool)
        drag(self.page, self.pixel(*start), self.pixel(*end))

    def paint(self, tool, start, end):
        """The same with a brush, once its ring says that it can paint."""
        self.take(tool)
        self.hover_brush(0, *self.pixel(*start))
        drag(self.page, self.pixel(*start), self.pixel(*end))

    def patient_under(self, pane, x, y):
        """The point of the patient (LPS mm) under a place of a pane."""
        return np.array(self.do(f"return w.toPatient({pane}, [{x}, {y}])"))

    def are_coloured(self, pane, points_mm):
        """Whether a label's colour lies over each of the points, as the picture shows it."""
        seen = self.colours(pane, points_mm)
        return np.abs(seen[:, 0] - seen[:, 2]) > 24

    def colours(self, pane, points_mm):
        """Red, green and blue of the picture at each of the points."""
        self.settle()
        return np.array(self.page.evaluate(COLOURS, [pane, np.asarray(points_mm).tolist()]))

    def settle(self):
        """Until the frames are drawn that the last commands asked for."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() =>"
            " requestAnimationFrame(() => requestAnimationFrame(done))))"
        )


def phantom(key, *, slices=SLICES, slice_mm=SLICE_MM, z_mm=0.0):
    """A CT box with a bright cube at MARK_MM."""
    voxels = np.full((slices, SIDE, SIDE), -1000, np.int16)
    voxels[:, 8:56, 8:56] = 40
    z = round((MARK_MM[2] - z_mm) / slice_mm)
    voxels[z - 1 : z + 2, MARK[1] - 1 : MARK[1] + 2, MARK[0] - 1 : MARK[0] + 2] = 3000
    affine = np.diag([PIXEL_MM, PIXEL_MM, slice_mm, 1.0])
    affine[:3, 3] = [CORNER_MM, CORNER_MM, z_mm]
    subject = conversion.Subject(patient_id="phantom")
    return list(conversion.volume_series(voxels, affine, subject, key, "CT"))


def second_series(first, files, description=""):
    """The files as another series of the first one's study and frame of reference."""
    model = factories.read(first[0])
    for data in files:
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.StudyInstanceUID = model.StudyInstanceUID
        dataset.FrameOfReferenceUID = model.FrameOfReferenceUID
        dataset.SeriesNumber = 2
        dataset.SeriesDescription = description
        output = io.BytesIO()
        dataset.save_as(output)
        yield output.getvalue()


def make_case(cast, name, files, *, definition=None):
    project = factories.make_project(cast.manager, name)
    if definition:
        publish_schema(actor=cast.manager, project=project, definition=definition)
    studies = {ingest(collection=project.collection, chunks=[data]).study for data in files}
    add_cases(project=project, studies=list(studies))
    return project


@contextlib.contextmanager
def reading(cast, *, has_own_clock=False):
    """A page at a time for the projects that are opened with it; fails on errors in the page."""
    troubles = []
    with person.visiting() as (address, browser):
        page = person.new_page(browser, address, troubles, has_own_clock=has_own_clock)
        page.set_viewport_size({"width": 900, "height": 520})
        let_in(page, address, cast.manager.username)

        def enter(project):
            page.goto(f"/projects/{project.pk}/read")
            page.wait_for_selector(person.SHOWN, timeout=60_000)
            return Room(page)

        try:
            yield enter
        except BaseException as error:
            error.add_note(f"troubles of the page: {troubles}")
            raise
    assert troubles == [], troubles


def let_in(page, address, username):
    """Sign in without the form, which a test of reading has seen often enough."""
    client = Client()
    client.force_login(User.objects.get(username=username))
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


def voxel_mm(x, y, z):
    """The centre of a voxel of the phantom, LPS mm; arrays give arrays."""
    place = [CORNER_MM + PIXEL_MM * x, CORNER_MM + PIXEL_MM * y, SLICE_MM * z]
    return np.stack(np.broadcast_arrays(*place), axis=-1)


def draft():
    """What the server keeps of the read that was begun last."""
    return Annotation.objects.latest("created_at").draft


def regions_of(content):
    return content.get("regions", [])


def painted(content, layer=0):
    """Label maps by place of the layer's slices."""
    found = [m for m in content.get("masks", []) if m.get("layer") == layer]
    slices = found[0]["slices"] if found else {}
    return {
        place: masks.decompress(storage.blob_path(sha256).read_bytes())[0]
        for place, sha256 in slices.items()
    }


def saved(condition):
    """The draft on the server, once the condition holds for it."""
    servers.eventually(lambda: condition(draft()), "the draft is saved", timeout_s=20)
    return draft()


def drag(page, start, end, steps=5):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=steps)
    page.mouse.up()
