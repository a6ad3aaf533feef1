"""Seconds from the last accepted read to the new front, with many cases.

python -m config.embedded exec -- python -m bench.refit [--cases 100000] [--labels 500]
    [--kind number]

Cases and vectors are written as rows; the reads and the refit are the product's own. The index for
similar cases is dropped meanwhile: filling it takes minutes, and a refit does not use it.
"""

import argparse
import statistics
import time

import numpy as np

from bench.setup import fresh_database

CHUNK = 10_000
VECTORS = """
insert into learning_embedding (encoder_id, case_id, vector, reason)
select %s, c.id, l2_normalize((
    select array_agg(random() - 0.5) from generate_series(1, %s + 0 * c.free_slots))::vector), ''
from labeling_case c where c.project_id = %s
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=500)
    parser.add_argument("--refits", type=int, default=5)
    parser.add_argument("--kind", choices=["one", "number"], default="one")
    arguments = parser.parse_args()
    fresh_database()

    from django.db import connection

    from annotation.core.jobs import JobState
    from annotation.labeling.models import Case
    from annotation.labeling.services.importing import import_read
    from annotation.labeling.services.projects import publish_schema
    from learning.models import EMBEDDING_SIZE, EncoderVersion
    from learning.services import heads, targets
    from tests import factories

    reader = factories.make_user("reader")
    project = factories.make_project(reader, "Refit")
    for start in range(0, arguments.cases, CHUNK):
        factories.make_empty_cases(project, min(CHUNK, arguments.cases - start))
    encoder = EncoderVersion.objects.create(
        project=project, number=1, content=b"-", is_ready=True, state=JobState.COMPLETED
    )
    with connection.cursor() as cursor:
        cursor.execute("drop index embedding_neighbours")
        cursor.execute(VECTORS, [encoder.pk, EMBEDDING_SIZE, project.pk])
        cursor.execute("analyze")
    options = [{"key": "no"}, {"key": "yes"}] if arguments.kind == "one" else []
    question = {"key": "asked", "label": "Asked", "kind": arguments.kind, "options": options}
    publish_schema(actor=reader, project=project, definition={"questions": [question]})
    target = targets.create_target(actor=None, project=project, question="asked")
    rng = np.random.default_rng(0)
    waiting = Case.objects.filter(project=project).select_related("project").order_by("shuffle_key")
    for case in waiting[: arguments.labels]:
        drawn = int(rng.integers(100))
        answer = ("no", "yes")[drawn % 2] if arguments.kind == "one" else drawn
        import_read(reader=reader, case=case, content={"answers": {"asked": answer}})
    seconds = []
    for _ in range(arguments.refits):
        began = time.monotonic()
        assert heads.refit(target) is not None
        seconds.append(time.monotonic() - began)
    print(
        f"{arguments.cases} cases, {arguments.labels} labels of the kind {arguments.kind}, "
        f"{EMBEDDING_SIZE} numbers a vector"
    )
    print(f"refit and new front: {statistics.median(seconds):.2f} s (median of {len(seconds)})")


if __name__ == "__main__":
    main()
