"""A 7-megapixel radiograph over a slow line: from asking for the frame to the first pixels.

python -m config.embedded exec -- python -m bench.first_pixels [--mbit 30]
Two ways in one run: frames as stored (raw), and prepared as HTJ2K and shown progressively. A frame is
first asked for beside the metadata; that answer is given up where it is too large for the browser's
cache, and the frame asked for again.
"""

import argparse
import statistics

import numpy as np

from bench.reading.pages import PAINT_WATCH
from bench.setup import fresh_database

ROWS, COLUMNS = 3072, 2400
REQUESTED = """() => {
  const frames = performance.getEntriesByType('resource').filter((r) => /frames/.test(r.name))
  const asked = frames.map((r) => r.startTime).filter((start) => start < window.painted)
  return [asked[0], asked[asked.length - 1], window.painted]
}"""


def main() -> None:
    fresh_database()
    from annotation.archive.models import SeriesPreparation
    from annotation.archive.services import preparation
    from annotation.dicomweb.dicomjson import join_for_preparation
    from tests import factories, servers
    from tests.e2e import browser as person

    parser = argparse.ArgumentParser()
    parser.add_argument("--mbit", type=float, default=30)
    parser.add_argument("--latency", type=float, default=10, help="milliseconds")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    manager = factories.make_user("manager")
    project = factories.make_project(manager, "Radiographs")
    _add_radiograph(project)

    def measure(browser, address: str) -> tuple[float, float]:
        page = person.new_page(browser, address, [])
        person.sign_in(page, "manager", factories.PASSWORD)
        session = page.context.new_cdp_session(page)
        _open_without_frames(page, session, project.pk)
        session.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": arguments.latency,
            "downloadThroughput": arguments.mbit * 125_000, "uploadThroughput": -1,
        })  # fmt: skip
        page.add_init_script(f"({PAINT_WATCH})()")
        page.goto(f"/projects/{project.pk}/read")
        page.wait_for_selector(person.SHOWN, timeout=60_000)
        page.wait_for_function("() => window.painted !== null", timeout=60_000)
        first, last, painted = page.evaluate(REQUESTED)
        page.context.close()
        return painted - first, painted - last

    print(f"{COLUMNS} x {ROWS}, 16 bits, {arguments.mbit:.0f} Mbit/s, {arguments.latency:.0f} ms")
    with servers.web_server() as address:
        for name in ("as stored", "prepared"):
            if name == "prepared":
                SeriesPreparation.objects.update(changed_at="2020-01-01T00:00:00Z")
                preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60)
            with person.chromium() as browser:
                found = [measure(browser, address) for _ in range(arguments.runs)]
            first, last = (statistics.median(times) for times in zip(*found, strict=True))
            print(f"{name:10} first pixels {first:6.0f} ms after the early request, {last:6.0f} ms"
                  " after the one whose answer is shown (medians)")  # fmt: skip


def _open_without_frames(page, session, project_id) -> None:
    """The browser keeps the program, and no picture."""
    session.send("Network.enable")
    session.send("Network.setBlockedURLs", {"urls": ["*/frames/*"]})
    page.goto(f"/projects/{project_id}/read")
    page.wait_for_selector("[data-testid=overlay][data-status=failed]", timeout=60_000)
    session.send("Network.setBlockedURLs", {"urls": []})


def _add_radiograph(project) -> None:
    """A smooth image with the noise of a detector: it compresses as real ones do."""
    from annotation.archive.services.ingest import ingest
    from annotation.imaging import conversion
    from annotation.labeling.services.projects import add_cases

    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float32)
    smooth = 2000 + 1200 * np.sin(x / 310) * np.cos(y / 420)
    pixels = (smooth + rng.normal(scale=12, size=smooth.shape)).clip(0, 4095).astype(np.uint16)
    data = conversion.radiograph(pixels, conversion.Subject(patient_id="P"), "seven megapixels")
    study = ingest(collection=project.collection, chunks=[data]).study
    add_cases(project=project, studies=[study])


if __name__ == "__main__":
    main()
