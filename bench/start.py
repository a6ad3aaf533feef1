"""Start-up time of the platform: first start on an empty folder (with the demo), and later starts.

python -m bench.start
The installation of packages before the first start is not part of it: `time make run` has that.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import servers

ROOT = Path(__file__).parent.parent


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="firstread-bench-"))
    folder.chmod(0o755)
    print("start                     seconds until the address answers")
    for name in ("first, with 120 studies", "second", "third"):
        print(f"{name:<25} {start(folder):.1f}")


def start(folder: Path) -> float:
    port = servers.free_port()
    began = time.monotonic()
    stack = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=ROOT, env={**os.environ, "FIRSTREAD_DATA": str(folder)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    servers.eventually(
        lambda: servers.answers(f"http://127.0.0.1:{port}/healthz"), "the stack answers", 300
    )
    wall = time.monotonic() - began
    stack.send_signal(signal.SIGINT)
    stack.wait(60)
    return wall


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
