"""Background tasks of the labeling workflow."""

from annotation.core.tasks import task


@task
def expire_assignments() -> None:
    """Return the cases of readers who went away."""
    from annotation.labeling.services import claiming

    claiming.expire_assignments()
