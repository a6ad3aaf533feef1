"""Background tasks of the loop; the imports inside keep torch out of web and beat."""

from annotation.core.tasks import job_task, task


@job_task
def run_round(round_id: str) -> None:
    """Run one round on the GPU queue."""
    from annotation.core import jobs
    from learning import pipeline
    from learning.models import Round

    jobs.execute(Round, round_id, pipeline.run_round)


@task
def start_due_rounds() -> None:
    """Queue a round wherever the policy asks for one."""
    from learning.services import rounds

    rounds.start_due()


@task
def sweep_jobs() -> None:
    """Ring again for every job whose message may be lost or whose worker died."""
    from annotation.core import jobs
    from annotation.datasets import services as datasets
    from annotation.datasets.models import Export
    from annotation.labeling.models import Transfer
    from annotation.labeling.services import transfers
    from learning.models import Round
    from learning.services import rounds

    for round_ in jobs.lost_jobs(Round):
        rounds.ring_round(round_)
    for export in jobs.lost_jobs(Export):
        datasets.ring_export(export)
    for transfer in jobs.lost_jobs(Transfer):
        transfers.ring_transfer(transfer)
