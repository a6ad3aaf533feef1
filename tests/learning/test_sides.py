"""Where left and right are different answers, nothing learns that an image and its mirror image are alike."""

import pytest

from annotation.core import jobs
from learning import embedding, pretraining
from learning.models import EncoderVersion
from learning.services import embeddings
from learning.services.pretraining import request_pretraining
from learning.training.pretraining import contrastive
from tests import factories


@pytest.fixture
def target(labeled_target, cast):
    factories.make_cases(cast.project, 10)
    return labeled_target


@pytest.fixture
def flips(monkeypatch):
    """Whether the views that were looked at so far could be mirrored."""
    found, view = set(), contrastive.view

    def viewed(images, config, generator):
        found.add(config.flip)
        return view(images, config, generator)

    monkeypatch.setattr(contrastive, "view", viewed)
    return found


def tell_sides_apart(target):
    target.config = {**target.config, "flip": False}
    target.save()


def done(encoder, run):
    jobs.execute(EncoderVersion, encoder.pk, run)
    encoder.refresh_from_db()
    assert encoder.state == jobs.JobState.COMPLETED, encoder.error
    return encoder


def queued(project):
    """The next encoder of the project's cases."""
    assert embeddings.embed_due() == 1
    return EncoderVersion.objects.get(project=project, state="pending")


def test_a_target_whose_recipe_does_not_flip_is_pre_trained_without_mirror_images(
    target, cast, flips
):
    tell_sides_apart(target)
    asked = request_pretraining(actor=cast.manager, target=target, steps=1)
    done(asked, pretraining.run_pretraining)
    assert flips == {False}


def test_a_projects_encoder_is_taught_anew_once_a_target_tells_sides_apart(
    target, cast, flips, monkeypatch
):
    monkeypatch.setattr(embeddings, "MIN_TO_LEARN", 20)
    monkeypatch.setattr(embedding, "STEPS", {"cpu": 1})
    done(queued(cast.project), embedding.run_encoder)
    done(queued(cast.project), embedding.run_encoder)
    assert flips == {True}
    assert embeddings.embed_due() == 0
    flips.clear()
    tell_sides_apart(target)
    other = done(queued(cast.project), embedding.run_encoder)
    assert flips == {False}
    assert embeddings.ready_encoder(cast.project) == other
    assert embeddings.embed_due() == 0
