"""Time from pressing Enter to the next image painted, in Chromium against the whole stack.

python -m bench.next_image [--data FOLDER] [--cases 40]
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests import servers
from tests.e2e import browser as person

ROOT = Path(__file__).parent.parent
PAINTED = """before => new Promise(resolve => {
  const wait = () => {
    const reading = document.querySelector('[data-testid=reading]')
    const overlay = document.querySelector('[data-testid=overlay]')
    if (reading && reading.dataset.case !== before && overlay.dataset.status === 'shown')
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())))
    else setTimeout(wait, 2)
  }
  wait()
})"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--think", type=float, default=1.5, help="seconds spent on each case")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="firstread-bench-"))
    folder.chmod(0o755)
    port = servers.free_port()
    command = [sys.executable, "manage.py", "up", "--port", str(port)]
    command += ["--data", str(arguments.data)] if arguments.data else ["--studies", "120"]
    log = folder / "up.log"
    with log.open("w") as output:
        stack = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "FIRSTREAD_DATA": str(folder)}, stdout=output
        )
    try:
        address = f"http://127.0.0.1:{port}"
        servers.eventually(lambda: servers.answers(f"{address}/healthz"), "the stack answers", 300)
        passwords = dict(re.findall(r"^  (\w+) +(\S+)$", log.read_text(), re.MULTILINE))
        times = measure(address, passwords["annotator1"], arguments.cases, arguments.think)
    finally:
        stack.send_signal(signal.SIGINT)
        stack.wait(60)
    warm = times[3:]
    p50, p95 = np.percentile(warm, [50, 95])
    print(f"{len(warm)} warm cases, image 560 x 600 pixels on the screen")
    print(
        f"Enter to next image painted  p50 {p50:.0f} ms, p95 {p95:.0f} ms, worst {max(warm):.0f} ms"
    )


def measure(address: str, password: str, cases: int, think_s: float) -> list[float]:
    """Milliseconds per case, the first ones cold."""
    times = []
    with person.chromium() as chromium:
        page = person.new_page(chromium, address, [])
        person.sign_in(page, "annotator1", password)
        person.open_case(page)
        for number in range(cases):
            time.sleep(think_s)  # a reader looks at the image; the next one loads meanwhile
            before = person.current_case(page)
            page.keyboard.press("12"[number % 2])
            page.evaluate(
                "() => window.addEventListener('keydown', e => {"
                " if (e.key === 'Enter') window.pressedAt = performance.now() }, {once: true, capture: true})"
            )
            page.keyboard.press("Enter")
            painted = page.evaluate(PAINTED, before)
            times.append(painted - page.evaluate("window.pressedAt"))
    return times


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
