"""The command line: starts both servers, loads them, measures section by section."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.dicomweb import data, extremes, load, sections, servers
from bench.dicomweb.bench import Bench

SECTIONS: dict[str, Callable[[Bench], None]] = {
    "frames": sections.frames,
    "qido": sections.qido,
    "wado": sections.wado,
    "stow": sections.stow,
    "memory": extremes.memory,
}


def main() -> None:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers stop too
    if missing := servers.what_is_missing():
        print(f"Orthanc is not installed, so ours runs alone: apt-get install {missing}")
    if load.WRK is None:
        print("wrk is not installed, so Python threads read the frames: figures are too low")
    began = time.monotonic()
    made = data.prepare(arguments.studies)
    print(f"data in {data.CACHE} ({time.monotonic() - began:.1f} s)", flush=True)
    with contextlib.ExitStack() as stack:
        theirs = None if missing else stack.enter_context(servers.orthanc())
        if theirs:
            print(f"beside Orthanc {servers.orthanc_version()}", flush=True)
        ours = stack.enter_context(servers.ours())
        bench = Bench(ours, theirs, made, arguments.seconds, arguments.pairs, arguments.wait_idle)
        try:
            _measure(bench, arguments)
        finally:
            bench.report.print_table()
            if arguments.csv:
                bench.report.write_csv(arguments.csv)


def _measure(bench: Bench, arguments: argparse.Namespace) -> None:
    bench.add_memory("at start")
    bench.load_both()
    bench.add_memory("after loading")
    sections.same_answers(bench)
    for name in arguments.only:
        print(f"{name}, {os.getloadavg()[0]:.1f} load", flush=True)
        if name == "large":
            extremes.large(bench, arguments.large)
        else:
            SECTIONS[name](bench)
        bench.add_memory(f"after {name}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.dicomweb")
    parser.add_argument("--studies", type=int, default=10_000, help="of one small instance")
    parser.add_argument("--large", type=int, default=100_000, help="studies for the large section")
    parser.add_argument(
        "--only", type=_names, default=[*SECTIONS, "large"], help="sections, separated by commas"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--pairs", type=int, default=3, help="how often ours and theirs alternate")
    parser.add_argument(
        "--wait-idle", type=float, nargs="?", const=600.0, default=600.0, metavar="SECONDS",
        help="how long to wait for our worker before each measurement; 0 measures at once",
    )  # fmt: skip
    parser.add_argument("--csv", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    if arguments.studies < 100:
        parser.error("--studies must be 100 or more: a search asks for 100 rows")
    return arguments


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - {*SECTIONS, "large"}:
        raise argparse.ArgumentTypeError(f"no such section: {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    main()
