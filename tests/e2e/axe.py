"""What axe-core finds on a page that people use by keyboard, voice or screen reader."""

import json
from pathlib import Path

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
FAULTS = """async () => {
  const { violations, passes } = await axe.run(document)
  const grave = violations.filter(v => v.impact === 'serious' || v.impact === 'critical')
  const where = v => v.nodes.slice(0, 5).map(n => n.target.join(' ') + ' ' + n.failureSummary)
  return { checked: passes.length, faults: grave.map(v => [v.id, ...where(v)]) }
}"""
SETTLED = """() => !document.querySelector('[role=status][aria-label=Loading]')
  && document.getAnimations().every(a => a.playState !== 'running')"""


def faults(page) -> str:
    """What axe-core finds, as text to read in a failed test; empty where nothing is serious."""
    page.wait_for_function(SETTLED, timeout=5_000)
    page.evaluate(AXE.read_text())  # not a script tag: the page's own policy forbids those
    found = page.evaluate(FAULTS)
    assert found["checked"] > 10  # it did look at the page
    return json.dumps(found["faults"], indent=1) if found["faults"] else ""
