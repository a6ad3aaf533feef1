"""Claim throughput: 50 readers claim and submit at once from 10,000 cases.

python -m config.embedded exec -- python -m bench.claims
"""

import argparse
import threading
import time
from collections import Counter

import numpy as np

from bench.setup import fresh_database


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    fresh_database()

    from django.db import connection

    from annotation.labeling.models import Assignment, Project
    from annotation.labeling.services import claiming, reading
    from tests import factories

    manager = factories.make_user("manager")
    project = factories.make_project(manager, "Bench", control_share=0.1)
    factories.make_empty_cases(project, arguments.cases)
    people = [factories.make_user(f"reader{n}") for n in range(arguments.readers)]
    latencies: list[float] = []
    deadline = time.monotonic() + arguments.seconds

    def read(number: int) -> None:
        rng = np.random.default_rng(number)
        mine = Project.objects.get(pk=project.pk)
        while time.monotonic() < deadline:
            began = time.monotonic()
            assignment = claiming.claim_next(reader=people[number], project=mine, rng=rng)
            latencies.append(time.monotonic() - began)
            if assignment is None:
                break
            annotation = reading.open_annotation(reader=people[number], case=assignment.case)
            content = {"answers": {"nodule": "no"}}
            reading.submit(
                actor=people[number],
                annotation=annotation,
                content=content,
                version=annotation.draft_version,
            )
        connection.close()

    began = time.monotonic()
    threads = [threading.Thread(target=read, args=(n,)) for n in range(arguments.readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.monotonic() - began
    per_case = Counter(Assignment.objects.values_list("case_id", flat=True))
    per_reader = Counter(Assignment.objects.values_list("reader_id", flat=True))
    doubled = sum(count > 1 for count in per_case.values())
    spread = (max(per_reader.values()) - min(per_reader.values())) / np.mean(
        list(per_reader.values())
    )
    p50, p95 = np.percentile(np.array(latencies) * 1000, [50, 95])
    print(f"readers {arguments.readers}, cases {arguments.cases}, {wall:.1f} s")
    print(f"claimed and submitted   {len(per_case)} ({len(per_case) / wall:.0f}/s)")
    print(
        f"claim latency           p50 {p50:.0f} ms, p95 {p95:.0f} ms ({arguments.readers} at once)"
    )
    print(f"double assignments      {doubled}")
    print(f"spread between readers  {spread:.0%} of the mean")


if __name__ == "__main__":
    main()
