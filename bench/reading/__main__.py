"""How fast the reading page is, as ratios to the plainest Cornerstone3D page on the same files.

python -m config.embedded exec -- python -m bench.reading [--only size,cold,scroll,brush,next,long]
Both pages run in the same Chromium against the same server, in turns.
"""

import argparse
import contextlib
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.reading import pages, sizes
from bench.setup import fresh_database

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "bench" / "reading" / "plain"
SLICES, CASES, CASE_SLICES = 300, 40, 40
LONG = 2000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reading")
    parser.add_argument("--only", default="size,cold,scroll,brush,next,long")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    fresh_database()
    from annotation.labeling.services.projects import publish_schema
    from bench.reading.data import add_cases_of_ct
    from tests import factories, servers
    from tests.e2e import browser as person

    manager = factories.make_user("manager")
    large = factories.make_project(manager, "Large CT")
    segments = {**factories.QUESTIONS, "segments": [{"value": 1, "label": "Liver"}]}
    publish_schema(actor=manager, project=large, definition=segments)
    [series] = add_cases_of_ct(large, count=1, slices=SLICES)
    many = factories.make_project(manager, "Many CT")
    add_cases_of_ct(many, count=CASES, slices=CASE_SLICES)
    wanted = arguments.only.split(",")
    long = long_project(manager) if "long" in wanted else None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(built_frontend())
        address = stack.enter_context(servers.web_server(FRONTEND_DIST=str(folder)))
        session = pages.session_of(manager, address)  # no ORM once Playwright runs its loop
        browser = stack.enter_context(person.chromium())
        bench = pages.Pages(browser, address, session, large.pk, many.pk, series)
        sections: dict[str, Callable[[], None]] = {
            "size": lambda: report_sizes(folder),
            "cold": lambda: beside("first image of a cold CT", bench.cold, arguments.runs, 1.5),
            "scroll": lambda: beside("cached slice", bench.scroll, arguments.runs, 1.0),
            "brush": lambda: beside("brush step, 300 slices", bench.brush, arguments.runs, 1.2),
            "next": lambda: report_next(bench.next_cases(CASES - 2)),
            "long": lambda: report_long(bench.long(long)),
        }
        for name in wanted:
            sections[name]()


def beside(what: str, measure: Callable[[str], float], runs: int, most: float) -> None:
    """Both pages in turns; the ratio of the medians of milliseconds, and where it may lie (95 %)."""
    found: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(runs):
        for page, times in found.items():
            times.append(measure(page))
    ours, plain = (statistics.median(times) for times in found.values())
    low, high = interval_of_ratio(found["ours"], found["plain"])
    verdict = "pass" if ours / plain <= most else "FAIL" if low > most else "within the noise"
    print(
        f"{what:28} ours {ours:7.1f} ms  plain {plain:7.1f} ms  "
        f"ratio {ours / plain:.2f} ({low:.2f} to {high:.2f}; <= {most}) {verdict}",
        flush=True,
    )


def interval_of_ratio(ours: list[float], plain: list[float]) -> tuple[float, float]:
    """Of the medians, by bootstrap over the turns: both pages of a turn had the same machine."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(ours), size=(2000, len(ours)))
    ratios = np.median(np.array(ours)[drawn], axis=1) / np.median(np.array(plain)[drawn], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def report_next(times: list[float]) -> None:
    cuts = statistics.quantiles(times, n=20)
    p50, p95 = statistics.median(times), cuts[18]
    verdict = "pass" if p50 < 300 and p95 < 800 else "FAIL"
    print(
        f"next case, prefetched        p50 {p50:.0f} ms (< 300)  p95 {p95:.0f} ms (< 800) {verdict}"
    )


def long_project(manager: Any) -> Any:
    """A project of one CT of 2,000 slices: a gigabyte of pixels."""
    from bench.reading.data import add_cases_of_ct
    from tests import factories

    project = factories.make_project(manager, "Long CT")
    add_cases_of_ct(project, count=1, slices=LONG)
    return project.pk


def report_long(found: pages.Long) -> None:
    is_early = found.loaded_then < found.frames / 2
    verdict = "pass" if is_early and found.most_bytes <= found.limit_bytes else "FAIL"
    print(
        f"{found.frames} slices, of 512 x 512   first image {found.first_ms:.0f} ms, with "
        f"{found.loaded_then} loaded; at most {found.most_bytes / 2**20:.0f} MiB of "
        f"{found.limit_bytes / 2**20:.0f} after {found.loaded} {verdict}",
        flush=True,
    )


def report_sizes(folder: Path) -> None:
    for part in (sizes.WORKLIST, sizes.VIEWER, sizes.READING):
        kb, most = sizes.script_kb(folder, part), part.most_kb
        verdict = "" if most is None else f"(<= {most}) {'pass' if kb <= most else 'FAIL'}"
        print(f"{part.name + ', JavaScript':28} {kb:.0f} kB gzip {verdict}", flush=True)


@contextlib.contextmanager
def built_frontend() -> Iterator[Path]:
    """The built frontend with the plain page beside it, below /plain/."""
    link = PLAIN / "node_modules"
    if not link.exists():
        link.symlink_to(ROOT / "frontend" / "node_modules")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dist"
        shutil.copytree(ROOT / "frontend" / "dist", folder)
        command = [str(link / ".bin" / "vite"), "build", "--config", "vite.config.mjs",
                   "--outDir", str(folder / "plain"), "--logLevel", "error"]  # fmt: skip
        subprocess.run(command, cwd=PLAIN, check=True)
        yield folder


if __name__ == "__main__":
    main()
