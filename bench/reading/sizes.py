"""How much JavaScript pages of the built frontend load; knows neither browser nor server."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')


@dataclass(frozen=True)
class Part:
    """Chunks, by the names of their modules, and all that they import, beyond what another has loaded."""

    name: str
    chunks: tuple[str, ...]
    beyond: str | None = None
    most_kb: int | None = None  # gzip


WORKLIST = Part("worklist", ("ProjectsPage",), most_kb=250)
VIEWER = Part("viewer", ("viewer", "decodeImageFrameWorker"), beyond="ReadingPage", most_kb=1100)
#: All that reading does beyond the worklist.
READING = Part("reading", ("ReadingPage", "arriving", *VIEWER.chunks), beyond="ProjectsPage")


def script_kb(folder: Path, part: Part) -> float:
    """Its JavaScript in a folder of the built frontend, gzip. Raises LookupError where a chunk is none."""
    assets = folder / "assets"
    first = set(re.findall(r"/assets/([\w.-]+\.js)", (folder / "index.html").read_text()))
    before = _closure(assets, first | _chunk(assets, part.beyond)) if part.beyond else set()
    wanted = first.union(*(_chunk(assets, name) for name in part.chunks))
    loaded = _closure(assets, wanted) - before
    return sum(len(gzip.compress((assets / name).read_bytes(), 6)) for name in loaded) / 1000


def _chunk(assets: Path, name: str) -> set[str]:
    found = {path.name for path in assets.glob(f"{name}-*.js")}
    if not found:
        raise LookupError(f"{assets} has no {name}")
    return found


def _closure(assets: Path, wanted: set[str]) -> set[str]:
    seen: set[str] = set()
    while wanted - seen:
        script = (wanted - seen).pop()
        seen.add(script)
        wanted |= set(IMPORTED.findall((assets / script).read_text()))
    return seen
