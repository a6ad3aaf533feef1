"""Why the model says so, on the real page: the map lies on its place however image and planes are moved."""

import io
import re

import numpy as np
from PIL import Image

from annotation.core.models import AuditEvent
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.imaging import conversion
from annotation.labeling.models import Annotation, Case, Role
from learning.models import ModelVersion, ModelVersionState
from learning.services import targets
from tests import factories, servers
from tests.e2e.rooms import (
    MARK,
    MARK_MM,
    PIXEL_MM,
    SLICE_MM,
    drag,
    make_case,
    phantom,
    reading,
)

OPTIONS = {"suggestions": "shown", "shows_explanations": True}
BLIND = {"suggestions": "after_first_impression", "shows_explanations": True}
ROWS, COLUMNS = 90, 140
# A map of 9 x 14 cells of 10 pixels, in which one cell off every axis of symmetry is hot.
HOT, COLD = (35, 15), (105, 65)  # x, y: the middles of a hot and of a cold cell
# A map of cells of 3 pixels over the phantom; what it says ends a cell beside the middle of the hot one.
CELLS, CELL, BOX = 16, 3, (7.5, 3.5)
REACH_MM = (CELL * PIXEL_MM, CELL * PIXEL_MM, SLICE_MM)
PLANES = ("axial", "sagittal", "coronal")
AXIS = {"axial": 2, "sagittal": 0, "coronal": 1}
EDGE, COLOURED = 3, 40  # pixels, which the frame of a pane takes; how far from grey a colour is
MAP = "[data-testid=explanation-map]"
COVER = """([x, y]) => {
  const w = document.querySelector('[data-testid=panes]').workstation
  const layer = document.querySelector("[data-pane='0'] [data-testid=explanation-map]")
  if (!layer) return null
  const dense = layer.width / layer.clientWidth
  const [left, top] = w.toCanvas(0, [x, y, 0]).map((v) => Math.floor(v * dense))
  return layer.getContext('2d').getImageData(left, top, 1, 1).data[3]
}"""


def production_model(project, patient, **architecture):
    """A model in production that may explain the one case of the project."""
    prescribe_splits(project=project, split_of_patient={patient: Split.TRAIN})
    manager = project.memberships.get(role=Role.MANAGER).user
    target = targets.create_target(actor=manager, project=project, question="nodule")
    return ModelVersion.objects.create(
        target=target, origin="elsewhere", number=1, weights_sha256="0" * 64,
        classes=["no", "yes"], state=ModelVersionState.PRODUCTION,
        architecture={"network": "resnet10", "outputs": 2, "channels": [1], **architecture},
    )  # fmt: skip


def explained_project(cast, options):
    """A radiograph with the map that a worker would have made for the model in production."""
    pixels = np.random.default_rng(5).normal(90, 12, (ROWS, COLUMNS)).clip(0, 255).astype(np.uint8)
    data = conversion.radiograph(pixels, conversion.Subject(patient_id="e"), "explained")
    definition = {**factories.QUESTIONS, "options": options}
    project = make_case(cast, "explained", [data], definition=definition)
    version = production_model(project, "e", size=[64, 64])
    case = Case.objects.get(project=project)
    instance = case.study.series.get().instances.get()
    values = np.zeros((1, ROWS // 10, COLUMNS // 10))
    values[0, HOT[1] // 10, HOT[0] // 10] = 255
    place = {
        "series_instance_uid": instance.series.series_instance_uid,
        "frames": [[instance.sop_instance_uid, 1]],
        "box": [-0.5, -0.5, COLUMNS - 0.5, ROWS - 0.5],
    }
    factories.make_explanation(version, case, values, place)
    return project


def explained_volume(cast, frames):
    """The phantom with a map over some of its frames, in which the one cell on its mark is hot."""
    definition = {**factories.QUESTIONS, "options": OPTIONS}
    project = make_case(cast, "explained", phantom("explained"), definition=definition)
    version = production_model(project, "phantom", size=[16, 16, 16], dimensions="3d")
    case = Case.objects.get(project=project)
    series = case.study.series.get()
    uids = list(
        series.instances.order_by("instance_number").values_list("sop_instance_uid", flat=True)
    )
    values = np.zeros((len(frames), CELLS, CELLS))
    values[
        frames.index(MARK[2]), *np.floor((np.array(MARK[1::-1]) - BOX[1::-1]) / CELL).astype(int)
    ] = 255
    place = {
        "series_instance_uid": series.series_instance_uid,
        "frames": [[uids[frame], 1] for frame in frames],
        "box": [*BOX, *(edge + CELLS * CELL for edge in BOX)],
    }
    factories.make_explanation(version, case, values, place)
    return project


def show_map(room):
    room.page.get_by_test_id("explanation").get_by_role(
        "button", name=re.compile("^Show")
    ).wait_for()
    room.page.keyboard.press("(")
    room.page.wait_for_selector("[data-testid=explanation-legend]")


def show_planes(room):
    """One beside the other, without crosshairs and letters, which have colours too."""
    room.page.add_style_tag(content="[data-testid^=edge-] { visibility: hidden }")
    room.do("w.setLayout('1x3'); w.setLinks({ scroll: false, window: false, zoom: false })")
    for pane, plane in enumerate(PLANES):
        room.show(pane, 0, plane)
        room.until(f"p.status === 'shown' && p.as === '{plane}' && p.loaded === 40", pane)
        go_to_mark(room, pane)


def go_to_mark(room, pane):
    room.do(f"""w.activate({pane}); const {{ series }} = w.state.panes[{pane}];
      await w.jumpTo(series.instances[{MARK[2]}].sop_instance_uid, 1, {list(MARK[:2])})""")
    assert is_at_the_mark(room, pane)


def is_at_the_mark(room, pane):
    """Whether the plane of a pane holds the middle of the mark."""
    axis = AXIS[PLANES[pane]]
    return bool(abs(room.patient_under(pane, 5, 5)[axis] - MARK_MM[axis]) < 0.1)


def coloured_mm(room, pane):
    """The points of the patient that have a colour in the page's own picture of a pane."""
    room.settle()
    box = room.page.locator(f"[data-testid=pane][data-pane='{pane}']").bounding_box()
    inner = {"x": box["x"] + EDGE, "y": box["y"] + EDGE,
             "width": box["width"] - 2 * EDGE, "height": box["height"] - 2 * EDGE}  # fmt: skip
    picture = Image.open(io.BytesIO(room.page.screenshot(clip=inner))).convert("RGB")
    rows, columns = np.nonzero(np.ptp(np.asarray(picture).astype(int), axis=2) > COLOURED)
    points = (np.stack([columns, rows], axis=1) + 0.5 + EDGE).tolist()
    return np.array(room.do(f"return {points}.map((point) => w.toPatient({pane}, point))")).reshape(
        -1, 3
    )


def is_on_the_mark(room, pane):
    """Whether the colours of a plane are those of the hot cell: around its middle, and nowhere else."""
    found = coloured_mm(room, pane)
    if len(found) < 10:
        return False
    in_plane = [axis for axis in range(3) if axis != AXIS[PLANES[pane]]]
    off = (found - MARK_MM)[:, in_plane]
    middle = (off.max(axis=0) + off.min(axis=0)) / 2
    reach = np.array(REACH_MM)[in_plane]
    spread = np.abs(off).max(axis=0)
    return bool(
        (np.abs(middle) < 0.7).all() and (spread < reach).all() and (spread > reach / 3).all()
    )


def cover(room, point):
    """How much of the image the map covers at a pixel, 0 to 255."""
    room.settle()
    return room.page.evaluate(COVER, list(point))


def colourfulness(room, point):
    """How far the page's own picture is from grey at a pixel of the image."""
    room.settle()
    x, y = room.do(f"return w.toCanvas(0, [{point[0]}, {point[1]}, 0])")
    left, top = room.at(0, x, y) if max(x, y) >= 1 else (x, y)
    clip = {"x": left - 1, "y": top - 1, "width": 3, "height": 3}
    found = np.asarray(Image.open(io.BytesIO(room.page.screenshot(clip=clip))).convert("RGB"))
    return int(np.ptp(found[1, 1].astype(int)))


def is_on_the_hot_cell(room):
    return cover(room, HOT) > 100 and cover(room, COLD) == 0


def test_the_map_is_shown_by_key_and_stays_on_its_place(live_cast):
    project = explained_project(live_cast, OPTIONS)
    with reading(live_cast) as enter:
        room = enter(project)
        page = room.page
        panel = page.get_by_test_id("explanation")
        panel.get_by_role("button", name=re.compile("^Show")).wait_for()
        assert page.locator(MAP).count() == 0
        assert colourfulness(room, HOT) < 10
        page.keyboard.press("(")
        page.wait_for_selector(f"{MAP}[data-shown=true]")
        assert is_on_the_hot_cell(room)
        assert colourfulness(room, HOT) > 40
        assert colourfulness(room, COLD) < 10

        for move in (
            "w.flip('h')", "w.flip('v')", "w.rotate(90)", "w.zoom(0.7)", "w.fit()", "w.reset()",
        ):  # fmt: skip
            room.do(move)
            assert is_on_the_hot_cell(room), move
        page.set_viewport_size({"width": 1300, "height": 700})
        servers.eventually(
            lambda: is_on_the_hot_cell(room), "the map follows the size", timeout_s=10
        )

        page.keyboard.press("(")
        page.wait_for_selector(MAP, state="detached")
        assert colourfulness(room, HOT) < 10
        assert Annotation.objects.get().draft.get("regions", []) == []
        event = AuditEvent.objects.get(action="explanation_shown")
        assert event.object_id == str(Annotation.objects.get().pk)

        page.keyboard.press("(")
        page.wait_for_selector(f"{MAP}[data-shown=true]")
        page.keyboard.press(")")
        page.keyboard.press(")")  # past the method that waits for a worker, to the neighbours
        panel.get_by_text("No labeled case is known yet").wait_for()
        assert page.locator(MAP).count() == 0


def test_a_blind_reader_sees_nothing_of_it_before_the_first_impression(live_cast):
    project = explained_project(live_cast, BLIND)
    with reading(live_cast) as enter:
        room = enter(project)
        page = room.page
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_test_id("suggestion-hidden").wait_for()
        page.keyboard.press("(")
        room.settle()
        assert page.get_by_test_id("explanation").count() == 0
        assert not [url for url in asked if "explanations" in url]
        page.keyboard.press("1")
        page.get_by_role("button", name="Keep my first impression and reveal").click()
        page.get_by_test_id("explanation").get_by_role(
            "button", name=re.compile("^Show")
        ).wait_for()
        page.keyboard.press("(")
        page.wait_for_selector(f"{MAP}[data-shown=true]")
        assert is_on_the_hot_cell(room)


def test_a_map_of_a_volume_lies_in_its_three_planes(live_cast):
    project = explained_volume(live_cast, list(range(20, 36)))
    with reading(live_cast) as enter:
        room = enter(project)
        show_planes(room)
        assert all(len(coloured_mm(room, pane)) == 0 for pane in range(3))
        show_map(room)
        room.page.wait_for_selector("[data-testid=explanation-place][data-in-view=true]")
        for pane in range(3):
            room.do(f"w.activate({pane})")
            assert is_on_the_mark(room, pane), PLANES[pane]
            for move in (
                "w.flip('h')", "w.flip('v')", "w.rotate(90)", "w.rotate(20)", "w.zoom(1.6)",
                "w.slab({ mm: 6, mode: 'mip' })", "w.slab(null)", "w.reset()",
            ):  # fmt: skip
                room.do(move)
                assert is_on_the_mark(room, pane), (PLANES[pane], move)
            room.take("pan")
            drag(room.page, room.at(pane, 0.5, 0.5), room.at(pane, 0.6, 0.7))
            assert is_on_the_mark(room, pane), (PLANES[pane], "pan")
            room.do("w.reset(); w.scroll(4)")
            assert len(coloured_mm(room, pane)) == 0, PLANES[pane]
            # Of a slab the strongest is shown: as far as it reaches, and no farther.
            far = 4 * (SLICE_MM if PLANES[pane] == "axial" else PIXEL_MM)
            room.do(f"w.slab({{ mm: {2 * far + 1}, mode: 'mip' }})")
            assert is_on_the_mark(room, pane), (PLANES[pane], "slab")
            room.do("w.slab({ mm: 2, mode: 'mip' })")
            assert len(coloured_mm(room, pane)) == 0, (PLANES[pane], "a thin slab")
            room.do("w.slab(null)")

        # From wherever, the strongest place is one key away, in all planes under the crosshairs.
        room.do("w.showPlanes(w.state.panes[0].series)")
        for pane in range(3):
            room.until(
                f"p.status === 'shown' && p.as === '{PLANES[pane]}' && p.loaded === 40", pane
            )
        room.do("w.activate(0); await w.goTo(3)")
        room.page.keyboard.press("Control+(")
        room.until(f"p.slice === {MARK[2] + 1}")
        assert all(is_at_the_mark(room, pane) for pane in range(3))
        for pane in range(3):
            room.page.wait_for_selector(f"[data-pane='{pane}'] {MAP}[data-shown=true]")

        # What a pane took goes with it.
        room.do("w.setLayout('1x1')")
        assert room.page.locator(MAP).count() == 1
        room.page.keyboard.press("(")
        room.page.wait_for_selector(MAP, state="detached")


def test_a_map_of_one_frame_is_shown_where_a_plane_lies_in_it_and_nowhere_else(live_cast):
    project = explained_volume(live_cast, [MARK[2]])
    with reading(live_cast) as enter:
        room = enter(project)
        show_planes(room)
        show_map(room)
        where = room.page.get_by_test_id("explanation-place")
        where.get_by_text(f"On image {MARK[2] + 1} of 40").wait_for()
        assert is_on_the_mark(room, 0)
        for pane in (1, 2):
            assert len(coloured_mm(room, pane)) == 0
        room.do("w.activate(0); w.scroll(1)")
        where.get_by_text(f"Not in view. It lies on image {MARK[2] + 1} of 40").wait_for()
        assert all(len(coloured_mm(room, pane)) == 0 for pane in range(3))

        room.do("w.activate(2)")
        room.page.get_by_test_id("explanation").get_by_role(
            "button", name=re.compile("^Strongest place")
        ).click()
        room.until(f"s.active === 0 && p.slice === {MARK[2] + 1}")
        assert is_on_the_mark(room, 0)

        # Where no pane can show it, a stack does.
        room.show(0, 0, "sagittal")
        room.until("p.status === 'shown' && p.as === 'sagittal'")
        where.get_by_text("Not in view").wait_for()
        room.page.keyboard.press("Control+(")
        room.until(f"p.status === 'shown' && p.as === 'stack' && p.slice === {MARK[2] + 1}")
        assert is_on_the_mark(room, 0)
