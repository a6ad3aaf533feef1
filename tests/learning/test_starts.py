"""Rounds that start from weights: of a model, a file, a hub, or of pre-training without labels."""

import uuid

import numpy as np
import pytest
import safetensors.torch
import torch

from annotation.core import jobs
from annotation.core.errors import Conflict, InvalidInput
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from learning import pipeline, pretraining
from learning.models import EncoderVersion, Round, Trigger
from learning.services import embeddings, rounds, starts, targets
from learning.services.pretraining import cancel_pretraining, request_pretraining
from learning.stored_models import load_model, weights_folder
from learning.training.networks import Architecture
from learning.training.pretraining import own_network
from learning.training.transfer import start_from_bytes
from tests import factories
from tests.learning.conftest import TINY
from tests.learning.models import make_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def target(labeled_target):
    return labeled_target


def start_at(target, actor, **start):
    targets.change_target(actor=actor, target=target, start=start)
    target.refresh_from_db()


def run(target):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    return created


def first_loss(round_):
    assert round_.state == jobs.JobState.COMPLETED, round_.error
    return round_.curves[0]["loss"]


def test_a_round_starts_from_another_model_and_says_what_it_took_over(target, cast, client_of):
    teacher = make_model(target)
    fresh = first_loss(run(target))
    start_at(target, cast.manager, model_version=str(teacher.pk))
    done = run(target)
    assert first_loss(done) != fresh
    assert done.started_from["sha256"] == teacher.weights_sha256
    assert done.started_from["name"] == f"Nodule? #{teacher.number}"
    assert (done.started_from["fresh"], done.started_from["fresh_count"]) == ([], 0)
    assert done.started_from["loaded"] == len(load_model(teacher).network.state_dict())
    shown = client_of(cast.manager).get(f"/api/v1/rounds/{done.pk}").json()
    assert shown["started_from"]["name"] == "Nodule? #1"


@pytest.mark.parametrize("classes", [("a", "b", "c"), ("yes", "no")])
def test_a_model_of_other_answers_gives_all_but_its_last_layer(classes, target, cast):
    """Also where there are as many: its second answer is another one."""
    teacher = make_model(target, classes=classes)
    start_at(target, cast.manager, model_version=str(teacher.pk))
    assert run(target).started_from["fresh"] == ["fc.bias", "fc.weight"]


def test_a_round_starts_from_a_file_of_the_administrators_folder(target, cast, tmp_path, settings):
    settings.MODEL_SOURCES = str(tmp_path / "sources")
    (tmp_path / "sources/chest").mkdir(parents=True)
    teacher = Architecture("resnet10", 2, size=(32, 32)).build()
    safetensors.torch.save_file(teacher.state_dict(), tmp_path / "sources/chest/a.safetensors")
    assert [c.start for c in starts.find_choices(cast.manager)] == [{"file": "chest/a.safetensors"}]
    start_at(target, cast.manager, file="chest/a.safetensors")
    done = run(target)
    assert done.state == "completed", done.error
    # Nobody knows which answers a file tells apart.
    assert done.started_from["fresh"] == ["fc.bias", "fc.weight"]


@pytest.mark.parametrize(
    "name",
    ["../secret.safetensors", "/etc/passwd", "chest", "link.safetensors", "a.pt", "\0.safetensors",
     "absent.safetensors"],
)  # fmt: skip
def test_nothing_outside_the_folder_can_be_named(name, target, cast, tmp_path, settings):
    settings.MODEL_SOURCES = str(tmp_path / "sources")
    (tmp_path / "sources/chest").mkdir(parents=True)
    (tmp_path / "secret.safetensors").write_bytes(b"x")
    (tmp_path / "sources/a.pt").write_bytes(b"x")
    (tmp_path / "sources/link.safetensors").symlink_to(tmp_path / "secret.safetensors")
    assert starts.find_files() == []
    with pytest.raises(InvalidInput, match="there is no safetensors file"):
        start_at(target, cast.manager, file=name)


def test_a_start_must_be_something_that_the_manager_may_see(target, cast):
    foreign = targets.create_target(
        actor=cast.outsider, project=cast.foreign_project, question="nodule"
    )
    hidden = make_model(foreign)
    for start, reason in (
        ({"model_version": str(hidden.pk)}, "model_version: there is none"),
        ({"model_version": "7"}, "model_version: there is none"),
        ({"encoder": str(uuid.uuid4())}, "encoder: there is none"),
        ({"file": "a.safetensors"}, "no folder of weights is configured"),
        ({"hub": f"a/b@{COMMIT}"}, "not allowed here"),
        ({"url": "https://a"}, "name one of model_version, encoder, file, hub"),
        ({"file": "a", "hub": "b"}, "name one of"),
        ({"file": 7}, "with a text"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            targets.change_target(actor=cast.manager, target=target, start=start)
    target.refresh_from_db()
    assert target.start == {}


def test_a_round_goes_on_with_the_network_of_the_model_that_it_starts_from(target, cast):
    """What is recommended changes with the number of labels."""
    start_at(target, cast.manager, model_version=str(make_model(target, network="vit_small").pk))
    done = run(target)
    assert (done.state, done.config["network"]) == ("completed", "vit_small"), done.error
    assert done.started_from["fresh_count"] == 0


def test_weights_of_another_network_fail_the_round_with_a_reason(target, cast):
    config = {**target.config, "network": "resnet10"}
    targets.change_target(actor=cast.manager, target=target, config=config)
    start_at(target, cast.manager, model_version=str(make_model(target, network="vit_small").pk))
    failed = run(target)
    assert failed.state == "failed"
    assert failed.error.startswith("only 0 of ")


def test_a_resumed_round_refuses_weights_that_have_changed(target, cast, tmp_path, settings):
    settings.MODEL_SOURCES = str(tmp_path)
    teacher = Architecture("resnet10", 2, size=(32, 32)).build()
    safetensors.torch.save_file(teacher.state_dict(), tmp_path / "a.safetensors")
    start_at(target, cast.manager, file="a.safetensors")
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    Round.objects.update(started_from={"sha256": "0" * 64})
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert "no longer those with SHA-256 0000000000000000" in created.error


def test_weights_come_from_a_hub_where_that_is_allowed(target, cast, settings):
    """The hub's cache folder holds the file already, so nothing is asked of the network."""
    settings.MODEL_HUB = True
    snapshot = weights_folder().parent / f"hub/models--someone--chest/snapshots/{COMMIT}"
    snapshot.mkdir(parents=True)
    teacher = Architecture("resnet10", 2, size=(32, 32)).build()
    safetensors.torch.save_file(teacher.state_dict(), snapshot / "model.safetensors")
    for wrong in ("someone/chest", f"../chest@{COMMIT}", "someone@main"):
        with pytest.raises(InvalidInput, match="write owner/name@revision"):
            start_at(target, cast.manager, hub=wrong)
    start_at(target, cast.manager, hub=f"someone/chest@{COMMIT}")
    done = run(target)
    assert (done.state, done.started_from["name"]) == ("completed", f"someone/chest@{COMMIT}")


# Pre-training without labels ----------------------------------------------------------------


@pytest.mark.parametrize("network", ["resnet10", "vit_small"])
def test_a_network_learns_without_labels_and_rounds_start_from_it(network, target, cast):
    targets.change_target(actor=cast.manager, target=target, config={**TINY, "network": network})
    target.refresh_from_db()
    asked = request_pretraining(actor=cast.manager, target=target, steps=3)
    with pytest.raises(Conflict, match="already"):
        request_pretraining(actor=cast.manager, target=target)
    jobs.execute(EncoderVersion, asked.pk, pretraining.run_pretraining)
    asked.refresh_from_db()
    assert asked.state == jobs.JobState.COMPLETED, asked.error
    assert [point["step"] for point in asked.curves] == [1, 2, 3]
    start_at(target, cast.manager, encoder=str(asked.pk))
    done = run(target)
    assert done.state == jobs.JobState.COMPLETED, done.error
    head = "fc" if network == "resnet10" else "classification_head"
    assert done.started_from["fresh"] == [f"{head}.bias", f"{head}.weight"]


def test_pre_training_never_sees_held_out_patients(cast):
    cases = factories.make_cases(cast.project, 12)
    splits = [Split.TRAIN] * 7 + [Split.VALIDATION] * 2 + [Split.TEST] * 3
    patients = [case.study.patient_id for case in cases]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    target = targets.create_target(actor=None, project=cast.project, question="nodule", config=TINY)
    asked = request_pretraining(actor=cast.manager, target=target, steps=2)
    jobs.execute(EncoderVersion, asked.pk, pretraining.run_pretraining)
    asked.refresh_from_db()
    assert "at least 8 images of training patients, not 7" in asked.error


def test_pre_training_takes_no_more_images_than_there_is_room_for(target, cast, monkeypatch):
    monkeypatch.setattr(pretraining, "MOST_BYTES", 7 * 32 * 32 * 2)
    asked = request_pretraining(actor=cast.manager, target=target, steps=2)
    jobs.execute(EncoderVersion, asked.pk, pretraining.run_pretraining)
    asked.refresh_from_db()
    assert "at least 8 images of training patients, not 7" in asked.error


def test_pre_training_stops_when_asked_and_goes_on_where_it_was(target, cast):
    straight = request_pretraining(actor=cast.manager, target=target, steps=4)
    jobs.execute(EncoderVersion, straight.pk, pretraining.run_pretraining)
    straight.refresh_from_db()
    asked = request_pretraining(actor=cast.manager, target=target, steps=4)
    EncoderVersion.objects.filter(pk=straight.pk).update(number=99)
    EncoderVersion.objects.filter(pk=asked.pk).update(number=straight.number)  # the same seed
    claimed = jobs.claim(EncoderVersion, asked.pk)
    cancel_pretraining(actor=cast.manager, encoder=claimed)
    with pytest.raises(jobs.JobCancelled):
        pretraining.run_pretraining(claimed)
    EncoderVersion.objects.filter(pk=asked.pk).update(state="pending", cancel_requested=False)
    jobs.execute(EncoderVersion, asked.pk, pretraining.run_pretraining)
    asked.refresh_from_db()
    assert asked.state == jobs.JobState.COMPLETED, asked.error
    assert asked.weights_sha256 == straight.weights_sha256


def test_pre_training_leaves_the_vectors_of_cases_alone(target, cast):
    factories.make_cases(cast.project, 10)
    request_pretraining(actor=cast.manager, target=target, steps=2)
    assert embeddings.embed_due() == 1  # it is no encoder of cases and does not hold one up
    assert [e.kind for e in embeddings.find_encoders(cast.project)] == ["descriptor"]
    assert embeddings.ready_encoder(cast.project) is None


def test_a_network_that_segments_has_nothing_to_contrast(target, cast, tmp_path):
    target.config = {**TINY, "network": "unet_small"}
    with pytest.raises(InvalidInput, match="unet_small segments"):
        request_pretraining(actor=cast.manager, target=target)
    with pytest.raises(ValueError, match="no vector per image"):
        own_network.pretrain_own(
            Architecture("unet_small", 2, size=(32, 32)), np.zeros((8, 1, 32, 32), np.float16),
            own_network.Run(steps=1, batch_size=4, seed=0, store=None, flip=True),
        )  # fmt: skip


def test_pre_trained_weights_are_safetensors_by_the_networks_own_names(tmp_path):
    from learning.training.checkpoint import Checkpoints

    images = np.random.default_rng(0).normal(0, 1, (8, 1, 32, 32)).astype(np.float16)
    architecture = Architecture("densenet_small", 2, size=(32, 32))
    run = own_network.Run(steps=2, batch_size=4, seed=0, store=Checkpoints(tmp_path), flip=True)
    weights = own_network.pretrain_own(architecture, images, run)
    network = architecture.build()
    taken = start_from_bytes(network, safetensors.torch.save(weights), "w")
    assert taken.fresh == ("class_layers.out.bias", "class_layers.out.weight")
    assert torch.equal(network.state_dict()[taken.loaded[0]], weights[taken.loaded[0]])
