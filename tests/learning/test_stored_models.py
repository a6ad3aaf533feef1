"""Model versions describe their networks by themselves."""

import importlib

import pytest
import torch
from django.apps import apps
from django.db import IntegrityError, transaction

from learning.models import ModelVersion, Round, Trigger
from learning.services import rounds, targets
from learning.stored_models import described, load_model, weights_folder
from learning.training.checkpoint import save_weights
from learning.training.config import TrainConfig
from learning.training.networks import Architecture
from learning.training.tasks import OneAnswer

migration = importlib.import_module("learning.migrations.0005_exchange")


@pytest.fixture
def target(cast):
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


def test_rows_from_before_get_their_network_from_their_round(target):
    target.config = TrainConfig(side=32, dropout=0.1).as_json()
    architecture = Architecture("resnet10", 2, size=(32, 32), dropout=0.1)
    network = architecture.build()
    version = ModelVersion.objects.create(
        target=target, round=rounds.request_round(target=target, trigger=Trigger.MANUAL), number=1,
        weights_sha256=save_weights(network, weights_folder()), classes=["no", "yes"],
    )  # fmt: skip
    migration.describe_networks(apps, None)
    version.refresh_from_db()
    config = TrainConfig(side=32, dropout=0.1)
    assert described(OneAnswer(("no", "yes")), architecture, config) == {
        "task": version.task, "architecture": version.architecture, "config": version.config,
    }  # fmt: skip
    images = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(load_model(version).network(images), network.eval()(images))


def test_weights_that_were_changed_are_not_used(target):
    architecture = Architecture("resnet10", 2, size=(32, 32))
    sha256 = save_weights(architecture.build(), weights_folder())
    version = ModelVersion.objects.create(
        target=target, origin="elsewhere", number=1, weights_sha256=sha256, classes=["no", "yes"],
        **described(OneAnswer(("no", "yes")), architecture, TrainConfig()),
    )  # fmt: skip
    path = weights_folder() / f"{sha256}.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\1\0")
    with pytest.raises(ValueError, match="do not match their hash"):
        load_model(version)
    path.unlink()


def test_a_version_has_a_round_or_says_where_it_came_from(target):
    with pytest.raises(IntegrityError, match="model_has_round_or_origin"), transaction.atomic():
        ModelVersion.objects.create(
            target=target, number=1, weights_sha256="0" * 64, classes=["no", "yes"]
        )
    assert Round.objects.count() == 0
