"""Untrained model versions for tests; apart from the factories, which must not load torch."""

import torch

from learning.models import ModelVersion, Target
from learning.stored_models import described, weights_folder
from learning.training.checkpoint import save_weights
from learning.training.config import TrainConfig
from learning.training.networks import Architecture
from learning.training.tasks import OneAnswer


def make_model(
    target: Target, *, network="resnet10", side=32, classes=("no", "yes"), seed=0
) -> ModelVersion:
    """A version whose weights really lie where they should."""
    architecture = Architecture(network, len(classes), size=(side, side))
    torch.manual_seed(seed)
    return ModelVersion.objects.create(
        target=target, origin="made for a test", number=target.model_versions.count() + 1,
        weights_sha256=save_weights(architecture.build(), weights_folder()),
        classes=list(classes), threshold=0.4,
        **described(OneAnswer(tuple(classes)), architecture, TrainConfig(network=network, side=side)),
    )  # fmt: skip
