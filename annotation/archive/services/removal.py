"""Removes rows of the archive; the files go when the garbage collector finds them unnamed."""

from django.db.models import QuerySet

from annotation.archive.models import Instance, Study
from annotation.archive.services.indexing import ask_for_preparation
from annotation.core import rows


def remove_instances(study: Study, instances: QuerySet[Instance]) -> int:
    """Remove instances of one study and the series that become empty; counts and metadata follow.

    Returns how many; the study itself stays, even without series.
    """
    touched = list(instances.values_list("series_id", flat=True).distinct())
    removed = instances.count()
    instances.delete()
    study.series.filter(instances__isnull=True).delete()
    rows.execute(RECOUNT_SERIES, [study.pk])
    rows.execute(RECOUNT_STUDY, [study.pk])
    ask_for_preparation(list(study.series.filter(pk__in=touched).values_list("pk", flat=True)))
    return removed


RECOUNT_SERIES = """
update archive_series set number_of_instances =
    (select count(*) from archive_instance where series_id = archive_series.id)
where study_id = %s
"""
RECOUNT_STUDY = """
update archive_study set
    number_of_series = (select count(*) from archive_series where study_id = archive_study.id),
    number_of_instances = (select coalesce(sum(number_of_instances), 0) from archive_series
                           where study_id = archive_study.id),
    modalities = array(select distinct modality from archive_series
                       where study_id = archive_study.id and modality <> '' order by modality)
where id = %s
"""
