"""Which studies have taught weights without labels: noted before they do, whatever splits say later."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from annotation.core import jobs
from learning.models import EncoderVersion, Round, SeenStudies


@transaction.atomic
def note_seen(job: EncoderVersion | Round, studies: Iterable[UUID]) -> None:
    """Add to what the job's network learns from; a resumed job may see others than before.

    Raises JobFenced.
    """
    kind: type[jobs.Job] = type(job)
    if kind.ownership(job).select_for_update().first() is None:
        raise jobs.JobFenced(str(job.pk))
    known, _ = SeenStudies.objects.get_or_create(**_of(job), defaults={"studies": []})
    known.studies = sorted({*known.studies, *studies})
    known.save(update_fields=["studies"])


def studies_seen_by(job: EncoderVersion | Round) -> set[UUID] | None:
    """None where that was not kept yet when it learned."""
    found = SeenStudies.objects.filter(**_of(job)).values_list("studies", flat=True).first()
    return None if found is None else set(found)


def _of(job: EncoderVersion | Round) -> dict[str, EncoderVersion | Round]:
    return {"encoder" if isinstance(job, EncoderVersion) else "round": job}
