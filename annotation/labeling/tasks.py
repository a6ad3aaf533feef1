"""Background tasks of the labeling workflow."""

from annotation.core.tasks import job_task, task


@task
def expire_assignments() -> None:
    """Return the cases of readers who went away."""
    from annotation.labeling.services import claiming

    claiming.expire_assignments()


@job_task
def run_transfer(transfer_id: str) -> None:
    """Pull or push the studies of one transfer."""
    from annotation.labeling.services import transfers

    transfers.run_if_free(transfer_id)
