"""Background tasks of the datasets."""

from annotation.core.tasks import job_task


@job_task
def write_export(export_id: str) -> None:
    """Write one export file."""
    from annotation.core import jobs
    from annotation.datasets import exporting
    from annotation.datasets.models import Export

    jobs.execute(Export, export_id, exporting.write_export)
