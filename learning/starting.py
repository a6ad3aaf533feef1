"""Lets a round's network begin with weights that are there, and records what it took over."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings
from torch import nn

from annotation.core import jobs
from learning.models import EncoderVersion, ModelVersion, Round
from learning.services.naming import name_of_version
from learning.services.starts import hub_address, source_path
from learning.stored_models import weights_folder
from learning.training.checkpoint import weights_path
from learning.training.transfer import (
    Start,
    UnusableWeights,
    fetch_from_hub,
    start_from_bytes,
    tensors_of_answers,
)

MOST_NAMES = 50  # of tensors that begin fresh, in the record


def starter(round_: Round, classes: Sequence[str]) -> Start:
    """What `training.loop.train` calls on the fresh network, which answers with these classes. Raises
    UnusableWeights when called.

    Other weights may know other answers, or these in another order: what says which one begins fresh.
    """

    def begin(network: nn.Module, with_one_more: Callable[[], nn.Module]) -> None:
        if round_.start:
            knows = _answers_alike(round_, classes)
            _begin(
                round_,
                network,
                frozenset() if knows else tensors_of_answers(network, with_one_more),
            )

    return begin


def _answers_alike(round_: Round, classes: Sequence[str]) -> bool:
    """A model of this very target that tells the same classes apart."""
    version = ModelVersion.objects.filter(pk=round_.start.get("model_version")).first()
    return (
        version is not None
        and version.target_id == round_.target_id
        and version.classes == list(classes)
    )


def _begin(round_: Round, network: nn.Module, but_not: frozenset[str]) -> None:
    name, path, wanted = _weights(round_)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableWeights(f"{name}: {error.strerror}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    # A resumed round must begin where its first attempt did.
    wanted = round_.started_from.get("sha256") or wanted or sha256
    if sha256 != wanted:
        raise UnusableWeights(f"{name}: the weights are no longer those with SHA-256 {wanted[:16]}")
    taken = start_from_bytes(network, content, name, but_not)
    round_.started_from = {
        "name": name, "sha256": sha256, "loaded": len(taken.loaded),
        "fresh": list(taken.fresh[:MOST_NAMES]), "fresh_count": len(taken.fresh),
    }  # fmt: skip
    if not Round.ownership(round_).update(started_from=round_.started_from):
        raise jobs.JobFenced(str(round_.pk))


def _weights(round_: Round) -> tuple[str, Path, str]:
    """What it is called, where it lies, and its hash where that is known beforehand."""
    [(kind, value)] = round_.start.items()
    if kind == "model_version":
        version = ModelVersion.objects.select_related("target__project").get(pk=value)
        name = name_of_version(version)
        return name, weights_path(weights_folder(), version.weights_sha256), version.weights_sha256
    if kind == "encoder":
        encoder = EncoderVersion.objects.get(pk=value)
        name = f"pre-trained network {encoder.number}"
        return name, weights_path(weights_folder(), encoder.weights_sha256), encoder.weights_sha256
    if kind == "file":
        return value, source_path(value), ""
    repository, revision = hub_address(value)
    path = fetch_from_hub(
        repository, revision=revision, endpoint=settings.MODEL_HUB_ENDPOINT or None,
        cache=Path(settings.MODEL_ROOT) / "hub",
    )  # fmt: skip
    return value, path, ""
