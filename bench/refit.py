"""Seconds from the last accepted read to the new front, with many cases.

python -m config.embedded exec -- python -m bench.refit [--cases 100000] [--labels 500]

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
    arguments = parser.parse_args()
    fresh_database()

    from django.db import connection

    from annotation.core.jobs import JobState
    from annotation.labeling.models import Case
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
    target = targets.create_target(actor=None, project=project, question="nodule")
    rng = np.random.default_rng(0)
    waiting = Case.objects.filter(project=project).select_related("project").order_by("shuffle_key")
    for case in waiting[: arguments.labels]:
        factories.import_answer(reader, case, ("no", "yes")[int(rng.integers(2))])
    seconds = []
    for _ in range(arguments.refits):
        began = time.monotonic()
        assert heads.refit(target) is not None
        seconds.append(time.monotonic() - began)
    print(f"{arguments.cases} cases, {arguments.labels} labels, {EMBEDDING_SIZE} numbers a vector")
    print(f"refit and new front: {statistics.median(seconds):.2f} s (median of {len(seconds)})")


if __name__ == "__main__":
    main()
