"""A project's vectors are learned anew once there is much more to learn from."""

import pytest

from annotation.core import jobs
from annotation.core.jobs import JobState
from annotation.datasets.services import set_shares
from annotation.labeling.models import Case
from learning import embedding
from learning.models import EncoderKind, EncoderVersion, SeenStudies
from learning.services import embeddings, heads, targets
from tests import factories


@pytest.fixture
def target(cast):
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


def serving(project, kind, seen):
    """A ready encoder of the kind that has learned from so many of the project's cases."""
    number = EncoderVersion.objects.count() + 1
    encoder = EncoderVersion.objects.create(
        project=project, number=number, kind=kind, content=b"-", is_ready=True,
        state=JobState.COMPLETED,
    )  # fmt: skip
    studies = Case.objects.filter(project=project).values_list("study", flat=True)[:seen]
    SeenStudies.objects.create(encoder=encoder, studies=list(studies))
    return encoder


def queued(project):
    """The encoder that is made new; a new case may also open the serving one again."""
    embeddings.embed_due()
    served = EncoderVersion.objects.filter(project=project, is_ready=True).values("pk")
    return EncoderVersion.objects.filter(project=project, state="pending").exclude(pk__in=served)


def test_an_encoder_that_saw_few_of_todays_cases_is_followed_by_one_that_sees_more(target, cast):
    factories.make_empty_cases(cast.project, 400)
    serving(cast.project, EncoderKind.DESCRIPTOR, 14)
    serving(cast.project, EncoderKind.CONTRASTIVE, 150)
    assert not queued(cast.project)  # 400 hold some 280 training cases: not four times as many
    EncoderVersion.objects.update(state=JobState.COMPLETED)
    factories.make_empty_cases(cast.project, 1600)
    [third] = queued(cast.project)
    assert (third.number, third.kind) == (3, EncoderKind.CONTRASTIVE)
    assert embeddings.ready_encoder(cast.project).number == 2  # until the third has seen all


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_one_that_failed_or_was_stopped_is_not_made_anew(target, cast, state):
    factories.make_empty_cases(cast.project, 1000)
    serving(cast.project, EncoderKind.DESCRIPTOR, 14)
    serving(cast.project, EncoderKind.CONTRASTIVE, 150)
    assert queued(cast.project).update(state=state) == 1
    assert not queued(cast.project)


def test_an_encoder_whose_sample_was_full_is_not_outgrown(target, cast, monkeypatch):
    monkeypatch.setattr(embeddings, "SAMPLE", 200)
    factories.make_empty_cases(cast.project, 1000)
    serving(cast.project, EncoderKind.DESCRIPTOR, 14)
    full = serving(cast.project, EncoderKind.CONTRASTIVE, 200)
    assert not queued(cast.project)
    full.seen.studies = full.seen.studies[:90]  # a full sample is more than twice as large
    full.seen.save()
    EncoderVersion.objects.update(state=JobState.COMPLETED)
    assert queued(cast.project)


def test_held_out_cases_are_nothing_to_learn_from(target, cast):
    set_shares(project=cast.project, test_share=0.7, validation_share=0.2)
    factories.make_empty_cases(cast.project, 1000)
    serving(cast.project, EncoderKind.DESCRIPTOR, 14)
    serving(cast.project, EncoderKind.CONTRASTIVE, 150)
    assert not queued(cast.project)  # else one would follow the other for ever


def test_the_first_whitening_is_outgrown_too_and_heads_change_over(target, cast, monkeypatch):
    monkeypatch.setattr(embeddings, "MIN_CASES", 4)
    set_shares(project=cast.project, test_share=0, validation_share=0)
    factories.make_cases(cast.project, 4)
    embeddings.embed_due()
    for number, more in ((1, 12), (2, 0)):
        encoder = EncoderVersion.objects.get(number=number)
        jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
        encoder.refresh_from_db()
        assert (encoder.state, encoder.kind) == (JobState.COMPLETED, EncoderKind.DESCRIPTOR)
        assert heads.refit(target, seed=1).encoder == encoder
        factories.make_cases(cast.project, more)
        assert embeddings.embed_due() == bool(more)
    assert EncoderVersion.objects.count() == 2
