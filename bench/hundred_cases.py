"""What is left in the browser after a hundred cases were opened, drawn on, painted on and handed in.

python -m config.embedded exec -- python -m bench.hundred_cases [--cases 100] [--slices 12]
Counted on the reading page after two forced collections of garbage, at case 10, every 30 and the last.
The first row is told but not compared: until then the browser still compiles and starts its helpers.
"""

import argparse
import json
from typing import Any

import psutil

from bench.setup import fresh_database

FIRST, EVERY = 10, 30
#: What is counted, and to how much of what it was at the second count it may have grown at the last.
ALLOWED = {
    "held MB": 1.02, "heap MB": 1.15, "nodes": 1.05, "listeners": 1.05, "textures": 1.05,
    "images MB": 1.05, "volumes": 1.0, "process MB": 1.1,
}  # fmt: skip
#: What the program itself holds, as a heap snapshot names it. The rest of the heap is what V8 makes of the
#: program as it runs (code, shapes, lists of what depends on them): it grows while functions become hot.
HELD = (
    "array",
    "string",
    "object",
    "closure",
    "number",
    "concatenated string",
    "sliced string",
    "regexp",
)
DRAWING = {
    "region_labels": [{"key": "nodule", "label": "Nodule"}],
    "segments": [{"value": 1, "label": "Liver"}],
}
ALL_LOADED = "[data-testid=overlay][data-loaded=all]"
AT_REST = """async () => {
  const w = document.querySelector('[data-testid=panes]').workstation
  for (let frame = 0; frame < 4; frame++) await new Promise(requestAnimationFrame)
  return w.memory()
}"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.hundred_cases")
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--slices", type=int, default=12)
    arguments = parser.parse_args()
    fresh_database()
    from annotation.labeling.services.projects import publish_schema
    from bench.reading.data import add_cases_of_ct
    from tests import factories, servers
    from tests.e2e import browser as person

    manager = factories.make_user("manager")
    project = factories.make_project(manager, "Many CT")
    publish_schema(actor=manager, project=project, definition={**factories.QUESTIONS, **DRAWING})
    add_cases_of_ct(project, count=arguments.cases + 1, slices=arguments.slices)
    with servers.web_server() as address, person.chromium() as browser:
        page = person.new_page(browser, address, [])
        page.set_viewport_size({"width": 1366, "height": 768})
        person.sign_in(page, "manager", factories.PASSWORD)
        page.goto(f"/projects/{project.pk}/read")
        print("case " + "".join(f"{name:>18}" for name in ALLOWED))
        rows = []
        for number in range(1, arguments.cases + 1):
            shown(page, ALL_LOADED)
            work(page, is_planes=number % 5 == 0)
            if number == FIRST or number % EVERY == 0 or number == arguments.cases:
                rows.append(held(page))
                print(f"{number:4} " + "".join(f"{n:18.1f}" for n in rows[-1].values()), flush=True)
            person.answer_and_submit(page, "1")
    print(verdict(rows[1], rows[-1]))


def work(page: Any, *, is_planes: bool) -> None:
    """A box, a stroke with the brush and one with the sphere, and on every fifth case the three planes."""
    box = page.locator("canvas.cornerstone-canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for action, left in (("tool_box", x - 150), ("tool_brush", x + 50), ("tool_sphere", x - 50)):
        page.locator(f"[data-action={action}]").click()
        page.mouse.move(left, y)
        page.mouse.move(left + 1, y)
        page.mouse.down()
        page.mouse.move(left + 60, y + 60, steps=5)
        page.mouse.up()
    page.get_by_test_id("region").wait_for()
    page.get_by_role("button", name="Undo: paint", exact=True).wait_for()
    if is_planes:
        page.locator("[data-action=planes]").click()
        shown(page, "[data-testid=overlay][data-pane='2'][data-status=shown]")
        page.locator("[data-action=undo]").hover()
    shown(page, "[data-testid=save-state][data-kind=saved]")


def shown(page: Any, selector: str) -> None:
    """Not `wait_for_selector`: its handle keeps the element, and all around it, until the page goes."""
    page.locator(selector).first.wait_for(timeout=120_000)


def held(page: Any) -> dict[str, float]:
    """The figures of the page, garbage collected, in the order of ALLOWED."""
    session = page.context.new_cdp_session(page)
    memory = page.evaluate(AT_REST)
    session.send("Performance.enable")
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    found = session.send("Performance.getMetrics")["metrics"]
    metrics = {one["name"]: one["value"] for one in found}
    textures, held_bytes = alive(session, "WebGLTexture"), bytes_held(session)
    session.detach()
    figures = [held_bytes / 1e6, metrics["JSHeapUsedSize"] / 1e6, metrics["Nodes"],
               metrics["JSEventListeners"], textures, memory["bytes"] / 1e6,
               memory["volumes"], renderer_mb()]  # fmt: skip
    return dict(zip(ALLOWED, figures, strict=True))


def verdict(warm: dict[str, float], last: dict[str, float]) -> str:
    grown = [name for name, most in ALLOWED.items() if last[name] > most * warm[name]]
    return f"grew: {', '.join(grown)} FAIL" if grown else "flat pass"


def alive(session: Any, kind: str) -> int:
    """How many objects of a kind there are."""
    prototype = session.send("Runtime.evaluate", {"expression": f"{kind}.prototype"})["result"]
    of = {"prototypeObjectId": prototype["objectId"]}
    found = session.send("Runtime.queryObjects", of)["objects"]["objectId"]
    count = {"functionDeclaration": "function () { return this.length }", "objectId": found}
    answer = session.send("Runtime.callFunctionOn", {**count, "returnByValue": True})
    session.send("Runtime.releaseObject", {"objectId": found})
    return int(answer["result"]["value"])


def bytes_held(session: Any) -> int:
    """What of the heap is data of the page."""
    chunks: list[str] = []
    session.on("HeapProfiler.addHeapSnapshotChunk", lambda event: chunks.append(event["chunk"]))
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    snapshot = json.loads("".join(chunks))
    meta, nodes = snapshot["snapshot"]["meta"], snapshot["nodes"]
    fields, kinds = meta["node_fields"], meta["node_types"][0]
    of_kind, of_size = (nodes[fields.index(name) :: len(fields)] for name in ("type", "self_size"))
    is_held = [kind in HELD for kind in kinds]
    return sum(size for kind, size in zip(of_kind, of_size, strict=True) if is_held[kind])


def renderer_mb() -> float:
    """Resident memory of the browser's largest page process."""
    children = psutil.Process().children(recursive=True)
    pages = [one for one in children if "--type=renderer" in one.cmdline()]
    return max(float(one.memory_info().rss) for one in pages) / 1e6


if __name__ == "__main__":
    main()
