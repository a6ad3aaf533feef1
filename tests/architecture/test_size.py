"""What a browser loads stays small: the built frontend, as bench/reading reports it."""

from pathlib import Path

import pytest

from bench.reading.sizes import VIEWER, WORKLIST, script_kb

DIST = Path(__file__).parents[2] / "frontend" / "dist"


@pytest.mark.parametrize("part", [WORKLIST, VIEWER], ids=lambda part: part.name)
def test_a_page_loads_no_more_javascript_than_it_may(part):
    assert script_kb(DIST, part) < part.most_kb
