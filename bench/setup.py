"""Starts Django on a fresh database, for benchmarks that run beside throw-away services; many cases."""

import os

import django

CHUNK = 10_000
# Around two hundred centres, as a radiology department's images lie around their protocols.
VECTORS = """
with centres as materialized (
    select k, (select array_agg(random() - 0.5) from generate_series(1, %(size)s + 0 * k))::vector centre
    from generate_series(0, 199) k
)
insert into learning_embedding (encoder_id, case_id, vector, reason)
select %(encoder)s, c.id, l2_normalize(centre + (
    select array_agg(random() - 0.5) from generate_series(1, %(size)s + 0 * c.free_slots))::vector), ''
from labeling_case c join centres on k = abs(hashtext(c.id::text)) %% 200
where c.project_id = %(project)s
"""


def fresh_database() -> None:
    """Migrate the empty database of `python -m config.embedded exec`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def make_embedded_cases(project, count):
    """Cases of a project, and an encoder with a vector of each, written as rows.

    The index for similar cases is dropped: filling it takes minutes.
    """
    from django.db import connection

    from annotation.core.jobs import JobState
    from learning.models import EMBEDDING_SIZE, EncoderVersion
    from tests import factories

    cases = []
    for start in range(0, count, CHUNK):
        cases += factories.make_empty_cases(project, min(CHUNK, count - start))
    encoder = EncoderVersion.objects.create(
        project=project, number=1, content=b"-", is_ready=True, state=JobState.COMPLETED
    )
    with connection.cursor() as cursor:
        cursor.execute("drop index if exists embedding_neighbours")
        cursor.execute(
            VECTORS, {"size": EMBEDDING_SIZE, "encoder": encoder.pk, "project": project.pk}
        )
        cursor.execute("analyze")
    return cases, encoder
