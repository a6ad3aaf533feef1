"""What is done on the page before each picture is taken."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page

from bench.pictures.data import Projects
from tests import factories
from tests.e2e import browser as person

Keep = Callable[[str, bytes], None]
LAPTOP, LARGE = (1366, 768), (3840, 2160)
SETTLE_MS = 700
VIEW_DRAGS = {
    "window": (0.12, 0.1),
    "pan": (0.1, 0.05),
    "zoom": (0.0, 0.12),
    "scroll": (0.0, 0.08),
    "window_region": (0.15, 0.15),
}
REGIONS = (
    "point",
    "length",
    "bidirectional",
    "angle",
    "arrow",
    "box",
    "ellipse",
    "polygon",
    "freehand",
)
MASKS = (
    "brush", "eraser", "sphere", "sphere_eraser", "threshold", "rectangle_scissors",
    "circle_scissors", "rectangle_cut", "circle_cut",
)  # fmt: skip
ERASING = ("eraser", "sphere_eraser", "rectangle_cut", "circle_cut")
BOUNDS = {"From": "470", "To": "700"}  # of the threshold brush: the brighter half
OPERATIONS = {
    "grow": "Grow", "shrink": "Shrink", "smooth": "Smooth", "islands": "Remove islands",
    "holes": "Fill holes", "clear": "Clear this slice",
}  # fmt: skip
# Drawn before the operation that mends it: a tool, and two places.
FAULTS = {
    "smooth": ("rectangle_scissors", (0.42, 0.48), (0.43, 0.56)),
    "islands": ("circle_scissors", (0.6, 0.3), (0.62, 0.32)),
    "holes": ("circle_cut", (0.44, 0.45), (0.455, 0.465)),
}
TURNS = {"invert": "i", "rotate": "Control+ArrowRight", "flip": "Control+ArrowDown"}  # keys
LAYOUTS = {"1x2": 2, "2x2": 5, "3x3": 9}  # the F key with Shift


class Studio:
    """Opens pages as somebody and takes pictures of them."""

    def __init__(self, browser: Browser, address: str, projects: Projects, keep: Keep) -> None:
        self.browser, self.address, self.projects, self.keep = browser, address, projects, keep
        self.page: Page

    def sit_down(
        self, user: str = "manager", size: tuple[int, int] = LAPTOP, scheme: str = "Dark"
    ) -> None:
        self.page = person.new_page(self.browser, self.address, [])
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        person.sign_in(self.page, user, factories.PASSWORD)
        self.page.goto("/preferences")
        self.page.get_by_text(scheme, exact=True).click()
        self.page.wait_for_timeout(SETTLE_MS)

    def read(self, project: object = None) -> None:
        """Open the reading room and wait until the image is drawn."""
        chosen = project or self.projects.volume
        self.page.goto(f"/projects/{chosen.pk}/read")  # type: ignore[attr-defined]
        self.page.wait_for_selector(person.SHOWN, timeout=60_000)
        person.canvas_is_painted(self.page)
        self.page.wait_for_timeout(SETTLE_MS)

    def shoot(self, name: str) -> None:
        self.page.wait_for_timeout(SETTLE_MS)
        self.keep(name, self.page.screenshot(type="png"))

    def close(self) -> None:
        self.page.context.close()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a share of the first pane lies on the page."""
        box = self.page.locator("[data-testid=panes] canvas").first.bounding_box() or {}
        return box["x"] + box["width"] * x, box["y"] + box["height"] * y

    def take(self, tool: str) -> None:
        self.page.locator(f"[data-action=tool_{tool}]").click()

    def drag(
        self, start: tuple[float, float], *through: tuple[float, float], release: bool = True
    ) -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(*start))
        mouse.down()
        for place in through:
            mouse.move(*self.at(*place), steps=6)
        if release:
            mouse.up()


def viewing(studio: Studio) -> None:
    studio.sit_down()
    studio.read()
    studio.page.keyboard.press("Shift+Backspace")
    for tool, (x, y) in VIEW_DRAGS.items():
        studio.take(tool)
        studio.drag((0.4, 0.4), (0.4 + x, 0.4 + y))
        studio.shoot(f"view-{tool}")
        studio.page.keyboard.press("r")
    studio.take("magnify")
    studio.drag((0.45, 0.45), (0.5, 0.5), release=False)
    studio.shoot("view-magnify")
    studio.page.mouse.up()
    studio.close()


def turning(studio: Studio) -> None:
    """What keys do to an image, and what several panes say of each other."""
    studio.sit_down()
    studio.read()
    keyboard = studio.page.keyboard
    keyboard.press("Shift+Backspace")
    for name, key in TURNS.items():
        keyboard.press(key)
        studio.shoot(f"view-{name}")
        keyboard.press("r")
    studio.page.get_by_role("button", name="Window", exact=False).last.click()
    studio.shoot("view-presets")
    keyboard.press("Escape")
    keyboard.press("Space")
    studio.page.wait_for_timeout(SETTLE_MS)
    studio.shoot("view-cine")
    keyboard.press("Space")
    keyboard.press("#")
    studio.page.wait_for_selector("[data-testid=overlay][data-pane='2'][data-status=shown]")
    studio.take("crosshairs")
    studio.drag((0.4, 0.4), (0.55, 0.5))
    keyboard.press("/")
    studio.shoot("view-crosshairs")
    studio.page.locator("[data-action=slab_mode]").first.click()
    studio.page.get_by_text("MIP", exact=True).click()
    studio.shoot("view-slab")
    studio.close()


def regions(studio: Studio) -> None:
    studio.sit_down()
    studio.read()
    studio.page.keyboard.press("Shift+Backspace")
    for kind in REGIONS:
        studio.take(kind)
        _draw(studio, kind)
        studio.page.wait_for_timeout(2 * SETTLE_MS)
        studio.shoot(f"region-{kind}")
        studio.page.keyboard.press("Control+z")
        studio.page.wait_for_timeout(SETTLE_MS)
    studio.close()


def _draw(studio: Studio, kind: str) -> None:
    mouse = studio.page.mouse
    if kind == "point":
        mouse.click(*studio.at(0.45, 0.45))
    elif kind == "angle":
        studio.drag((0.35, 0.4), (0.45, 0.5))
        mouse.move(*studio.at(0.55, 0.4), steps=6)
        mouse.click(*studio.at(0.55, 0.4))
    elif kind == "polygon":
        for corner in ((0.35, 0.35), (0.5, 0.35), (0.52, 0.5), (0.4, 0.55)):
            mouse.click(*studio.at(*corner))
            studio.page.wait_for_timeout(SETTLE_MS)
        mouse.click(*studio.at(0.35, 0.35))
    elif kind == "freehand":
        studio.drag(
            (0.4, 0.35), (0.5, 0.38), (0.54, 0.48), (0.45, 0.56), (0.37, 0.48), (0.39, 0.36)
        )
    else:
        studio.drag((0.38, 0.38), (0.55, 0.52))


def masks(studio: Studio) -> None:
    studio.sit_down()
    studio.read()
    for tool in MASKS:
        if tool in ERASING:
            paint(studio, "circle_scissors", (0.45, 0.45), (0.53, 0.53))
        studio.take(tool)
        studio.page.wait_for_timeout(SETTLE_MS)
        if tool == "threshold":
            for label, value in BOUNDS.items():
                studio.page.get_by_label(label, exact=True).fill(value)
        studio.drag((0.44, 0.42), (0.5, 0.48))
        studio.shoot(f"mask-{tool}")
        for _ in range(2 if tool in ERASING else 1):
            studio.page.keyboard.press("Control+z")
            studio.page.wait_for_timeout(SETTLE_MS)
    studio.close()


def filling(studio: Studio) -> None:
    """A hole in the segment in hand, and one click into it with another segment."""
    studio.sit_down()
    studio.read()
    studio.page.keyboard.press("Shift+Backspace")
    paint(studio, "circle_scissors", (0.45, 0.45), (0.53, 0.53))
    paint(studio, "rectangle_cut", (0.42, 0.42), (0.48, 0.49))
    studio.shoot("mask-fill-before")
    studio.take("fill")
    studio.page.mouse.click(*studio.at(0.45, 0.45))
    studio.shoot("mask-fill")
    studio.close()


def operations(studio: Studio) -> None:
    """Two slices painted with a gap between them, then what the buttons below the segments do."""
    studio.sit_down()
    studio.read()
    keyboard = studio.page.keyboard
    studio.take("brush")
    studio.page.wait_for_timeout(2 * SETTLE_MS)
    for _ in range(2):
        studio.drag((0.42, 0.4), (0.5, 0.46), (0.44, 0.5))
        for _ in range(4):
            keyboard.press("ArrowDown")
        studio.page.wait_for_timeout(SETTLE_MS)
    for _ in range(6):
        keyboard.press("ArrowUp")
    operate(studio, "interpolate", "Fill between slices")
    for name, button in OPERATIONS.items():
        if name in FAULTS:
            paint(studio, *FAULTS[name])
            studio.shoot(f"operation-{name}-before")
        operate(studio, name, button)
    studio.close()


def paint(studio: Studio, tool: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    studio.take(tool)
    studio.page.wait_for_timeout(SETTLE_MS)
    studio.drag(start, end)
    studio.page.wait_for_timeout(SETTLE_MS)


def operate(studio: Studio, name: str, button: str) -> None:
    studio.page.get_by_role("button", name=button, exact=True).click()
    studio.page.wait_for_timeout(SETTLE_MS)
    studio.shoot(f"operation-{name}")


def layouts(studio: Studio) -> None:
    studio.sit_down()
    studio.read()
    studio.page.keyboard.press("Shift+Backspace")
    for name, key in LAYOUTS.items():
        studio.page.keyboard.press(f"Shift+F{key}")
        studio.shoot(f"layout-{name}")
    studio.page.keyboard.press("Shift+F1")
    studio.page.keyboard.press("#")
    studio.page.wait_for_timeout(3_000)
    studio.shoot("planes")
    studio.close()


def comparing(studio: Studio) -> None:
    """A rule hangs the earlier study beside the new one, and both are scrolled as one."""
    studio.sit_down()
    studio.read(studio.projects.followed)
    both = "[data-testid=overlay][data-pane='1'][data-status=shown]"
    studio.page.wait_for_selector(both, timeout=60_000)
    studio.shoot("hanging-rule")
    for _ in range(6):
        studio.page.keyboard.press("ArrowDown")
    studio.shoot("prior")
    studio.page.keyboard.press("ArrowRight")
    studio.page.keyboard.press("#")  # planes, of which the lines say where they cut each other
    studio.page.wait_for_selector("[data-testid=overlay][data-pane='2'][data-status=shown]")
    studio.page.keyboard.press("/")
    studio.shoot("linked-lines")
    studio.close()


def suggestions(studio: Studio) -> None:
    for scheme in ("Dark", "Light"):
        studio.sit_down(scheme=scheme)
        studio.read()
        studio.shoot("suggestion" if scheme == "Dark" else "suggestion-light")
        if scheme == "Light":
            studio.page.keyboard.press("?")
            studio.page.get_by_role("dialog", name="Keys").wait_for()
            studio.shoot("keys-light")
        studio.close()


def talking(studio: Studio) -> None:
    studio.sit_down()
    studio.read()
    studio.page.get_by_label("New comment").scroll_into_view_if_needed()
    studio.shoot("comments")
    studio.page.keyboard.press("?")
    studio.page.get_by_role("dialog", name="Keys").wait_for()
    studio.shoot("keys")
    studio.page.keyboard.press("Escape")
    studio.page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    studio.page.locator("[data-action=skip]").click()
    studio.shoot("skip")
    studio.page.keyboard.press("Escape")
    studio.page.keyboard.press("*")
    studio.shoot("second-opinion")
    studio.page.goto("/preferences")
    studio.page.wait_for_timeout(SETTLE_MS)
    studio.shoot("key-settings")
    studio.close()


def supervising(studio: Studio) -> None:
    studio.sit_down()
    studio.page.goto(f"/projects/{studio.projects.volume.pk}?tab=marks")
    studio.page.get_by_test_id("mark").first.wait_for()
    studio.shoot("marks")
    studio.page.goto(f"/projects/{studio.projects.volume.pk}/cases/{studio.projects.marked.pk}")
    studio.page.wait_for_selector(person.SHOWN, timeout=60_000)
    studio.shoot("case")
    studio.close()


def large(studio: Studio) -> None:
    studio.sit_down(size=LARGE)
    studio.read()
    studio.shoot("room-4k")
    studio.close()


def states(studio: Studio) -> None:
    studio.sit_down()
    if studio.projects.tilted is not None:
        studio.read(studio.projects.tilted)
        studio.shoot("state-no-volume")
    studio.page.route("**/dicomweb/**/frames/**", lambda route: route.abort())
    studio.page.route("**/dicomweb/**/metadata", lambda route: route.abort())
    studio.page.goto(f"/projects/{studio.projects.volume.pk}/read")
    studio.page.wait_for_selector("[data-testid=overlay][data-status=failed]", timeout=60_000)
    studio.shoot("state-failed")
    studio.page.unroute_all()
    studio.page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    studio.page.goto(f"/projects/{studio.projects.volume.pk}/read")
    studio.page.get_by_test_id("no-webgl").wait_for(timeout=60_000)
    studio.shoot("state-no-webgl")
    studio.close()
    studio.sit_down("reader")
    studio.page.goto(f"/projects/{studio.projects.volume.pk}/read")
    studio.page.get_by_test_id("finished").wait_for(timeout=60_000)
    studio.shoot("state-finished")
    studio.close()


# What is decided stays decided: the suggestion comes first.
SCENES: dict[str, Callable[[Studio], None]] = {
    "suggestions": suggestions,
    "viewing": viewing,
    "turning": turning,
    "regions": regions,
    "masks": masks,
    "filling": filling,
    "operations": operations,
    "layouts": layouts,
    "comparing": comparing,
    "talking": talking,
    "supervising": supervising,
    "large": large,
    "states": states,
}
