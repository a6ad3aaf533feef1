"""Why the model says so, on the real page: the map lies on its place however the image is moved."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from annotation.core.jobs import JobState
from annotation.core.models import AuditEvent
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.imaging import conversion, masks
from annotation.labeling.models import Annotation, Case
from learning.models import Explanation, ModelVersion, ModelVersionState
from learning.services import explanations, targets
from tests import factories, servers
from tests.e2e.rooms import make_case, reading

OPTIONS = {"suggestions": "shown", "shows_explanations": True}
BLIND = {"suggestions": "after_first_impression", "shows_explanations": True}
ROWS, COLUMNS = 90, 140
# A map of 9 x 14 cells of 10 pixels, in which one cell off every axis of symmetry is hot.
HOT, COLD = (35, 15), (105, 65)  # x, y: the middles of a hot and of a cold cell
MAP = "[data-testid=explanation-map]"
COVER = """([x, y]) => {
  const w = document.querySelector('[data-testid=panes]').workstation
  const layer = document.querySelector("[data-pane='0'] [data-testid=explanation-map]")
  if (!layer) return null
  const dense = layer.width / layer.clientWidth
  const [left, top] = w.toCanvas(0, [x, y, 0]).map((v) => Math.floor(v * dense))
  return layer.getContext('2d').getImageData(left, top, 1, 1).data[3]
}"""


@pytest.fixture(autouse=True)
def _ask_the_database_here(monkeypatch):
    """Playwright's loop runs in this thread; it is only waited for, never awaited beside a query."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def explained_project(cast, options):
    """A radiograph with the map that a worker would have made for the model in production."""
    pixels = np.random.default_rng(5).normal(90, 12, (ROWS, COLUMNS)).clip(0, 255).astype(np.uint8)
    data = conversion.radiograph(pixels, conversion.Subject(patient_id="e"), "explained")
    definition = {**factories.QUESTIONS, "options": options}
    project = make_case(cast, "explained", [data], definition=definition)
    prescribe_splits(project=project, split_of_patient={"e": Split.TRAIN})
    target = targets.create_target(actor=cast.manager, project=project, question="nodule")
    version = ModelVersion.objects.create(
        target=target, origin="elsewhere", number=1, weights_sha256="0" * 64,
        classes=["no", "yes"], state=ModelVersionState.PRODUCTION,
        architecture={"network": "resnet10", "outputs": 2, "channels": [1], "size": [64, 64]},
    )  # fmt: skip
    case = Case.objects.get(project=project)
    instance = case.study.series.get().instances.get()
    values = np.zeros((1, ROWS // 10, COLUMNS // 10), np.uint8)
    values[0, HOT[1] // 10, HOT[0] // 10] = 255
    packed = masks.compress(values)
    path = explanations.map_path(masks.address(packed))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    Explanation.objects.create(
        model_version=version, case=case, method="grad_cam", answer="yes",
        state=JobState.COMPLETED, sha256=masks.address(packed), size_bytes=len(packed),
        place={
            "series_instance_uid": instance.series.series_instance_uid,
            "frames": [[instance.sop_instance_uid, 1]],
            "box": [-0.5, -0.5, COLUMNS - 0.5, ROWS - 0.5],
        },
    )  # fmt: skip
    return project


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
