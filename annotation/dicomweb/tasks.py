"""Background tasks of the DICOMweb face."""

from annotation.core.tasks import task

BUDGET_S = 45.0


@task
def prepare_series() -> None:
    """Prepare what has arrived; one at a time, the next beat goes on."""
    from annotation.archive.services import preparation
    from annotation.core.locks import advisory_lock
    from annotation.dicomweb.dicomjson import join_for_preparation

    with advisory_lock("prepare_series") as is_mine:
        if is_mine:
            preparation.prepare_due(join_metadata=join_for_preparation, budget_s=BUDGET_S)
