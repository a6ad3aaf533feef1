"""Background tasks of the loop; the imports inside keep torch out of web and beat."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from annotation.core.tasks import job_task, task


@job_task
def run_round(round_id: str) -> None:
    """Run one round on the GPU queue."""
    from annotation.core import jobs
    from learning import pipeline
    from learning.models import Round

    jobs.execute(Round, round_id, pipeline.run_round)


@job_task
def score_shards(round_id: str) -> None:
    """Help with the pool of a round that another worker runs, on the GPU queue."""
    from learning.pipeline import scoring

    scoring.help_score(round_id)


@job_task
def score_arrivals(scoring_id: str) -> None:
    """Let the production model look at cases outside of a round, on the GPU queue."""
    from annotation.core import jobs
    from learning.models import Scoring
    from learning.pipeline import arrivals

    jobs.execute(Scoring, scoring_id, arrivals.score_part)


@task
def queue_due_scorings() -> None:
    """Ask the production models to look at what arrived since."""
    from learning.services import scorings

    scorings.request_due()


@job_task
def embed_cases(encoder_id: str) -> None:
    """Fit an encoder and embed the cases that wait for it, on the GPU queue."""
    from annotation.core import jobs
    from learning import embedding
    from learning.models import EncoderVersion

    jobs.execute(EncoderVersion, encoder_id, embedding.run_encoder)


@job_task
def pretrain_network(encoder_id: str) -> None:
    """Pre-train a target's network on the project's images, on the GPU queue."""
    from annotation.core import jobs
    from learning import pretraining
    from learning.models import EncoderVersion

    jobs.execute(EncoderVersion, encoder_id, pretraining.run_pretraining)


@job_task
def run_cross_validation(job_id: str) -> None:
    """Train and measure the folds that are left, on the GPU queue."""
    from annotation.core import jobs
    from learning import cross_validation
    from learning.models import CrossValidation

    jobs.execute(CrossValidation, job_id, cross_validation.run_cross_validation)


@task
def hand_out_model(version_id: str) -> None:
    """Give the readers the suggestions and the order of a model that was promoted by hand."""
    from learning.services import model_versions

    model_versions.take_over(UUID(version_id))


@job_task
def write_bundle(export_id: str) -> None:
    """Write a model version as a bundle."""
    from annotation.core import jobs
    from learning import exchange
    from learning.models import BundleExport

    jobs.execute(BundleExport, export_id, exchange.write_bundle)


@job_task
def take_in_bundle(import_id: str) -> None:
    """Check a bundle that was sent in, and make it a model version."""
    from annotation.core import jobs
    from learning import exchange
    from learning.models import BundleImport

    jobs.execute(BundleImport, import_id, exchange.take_in)


@job_task
def explain_case(explanation_id: str) -> None:
    """Make one map of what a model looked at, on the default queue: a round may hold the other."""
    from learning import explaining
    from learning.services import explanations

    explanations.run_if_free(explanation_id, explaining.explain)


@task
def collect_explanations() -> None:
    """Delete the maps that are used least, beyond the limit."""
    from learning.services import explanations

    explanations.collect_explanations()


@task
def collect_leftovers() -> None:
    """Delete the files of rounds, folds and pre-trainings that ended without success."""
    from learning.services import leftovers

    leftovers.collect_leftovers()


@task
def track_round(round_id: str) -> None:
    """Tell the configured trackers of a round that is done or has failed."""
    from learning import tracking
    from learning.models import Round

    tracking.track(Round.objects.get(pk=round_id))


@task
def track_cross_validation(job_id: str) -> None:
    """Tell them of a cross-validation."""
    from learning import tracking
    from learning.models import CrossValidation

    tracking.track(CrossValidation.objects.get(pk=job_id))


@task
def track_pretraining(encoder_id: str) -> None:
    """Tell them of a pre-training."""
    from learning import tracking
    from learning.models import EncoderVersion

    tracking.track(EncoderVersion.objects.get(pk=encoder_id))


@task
def ask_for_spread_slices(target_id: str) -> None:
    """Say which slices of a target's open cases are to be drawn before it has a model."""
    from learning.models import Target
    from learning.pipeline import asking

    asking.ask_for_spread_slices(Target.objects.get(pk=target_id))


@task
def ask_due_slices() -> None:
    """The same of cases that came since."""
    from learning.services import asking

    asking.ask_due()


@task
def refit_due_heads() -> None:
    """Refit light heads wherever enough labels have come."""
    from learning.services import heads

    heads.refit_due()


@task
def queue_due_encoders() -> None:
    """Ask for vectors wherever cases wait for them."""
    from learning.services import embeddings

    embeddings.embed_due()


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
    from learning.models import (
        BundleExport,
        BundleImport,
        CrossValidation,
        EncoderVersion,
        Explanation,
        Round,
        Scoring,
    )  # fmt: skip
    from learning.services import (
        bundles,
        cross_validations,
        embeddings,
        explanations,
        model_versions,
        rounds,
        scorings,
        shards,
        trackers,
    )

    rings: list[tuple[Any, Callable[[Any], None]]] = [
        (EncoderVersion, embeddings.ring_encoder),
        (Round, rounds.ring_round),
        (Scoring, scorings.ring_scoring),
        (CrossValidation, cross_validations.ring_cross_validation),
        (BundleExport, bundles.ring_export),
        (BundleImport, bundles.ring_import),
        (Explanation, explanations.ring_explanation),
        (Export, datasets.ring_export),
        (Transfer, transfers.ring_transfer),
    ]
    for kind, ring_again in rings:
        for job in jobs.lost_jobs(kind):
            ring_again(job)
    for round_ in shards.waiting():
        shards.ring_helpers(round_.pk)
    shards.clear_ended()
    for ended in trackers.untracked():
        trackers.ring_trackers(ended)
    for version in model_versions.taking_over():
        model_versions.ring_takeover(version)
