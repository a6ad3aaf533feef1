"""Asks for a target's own network to learn from the project's images without labels."""

from django.db import IntegrityError, transaction
from django.db.models import Max

from annotation.accounts.models import User
from annotation.core import audit, jobs
from annotation.core.errors import Conflict, InvalidInput
from learning.models import EncoderKind, EncoderVersion, Target, TargetKind
from learning.services.embeddings import ring_encoder
from learning.training.registry import NETWORKS


@transaction.atomic
def request_pretraining(*, actor: User, target: Target, steps: int | None = None) -> EncoderVersion:
    """Queue it; without `steps` the machine decides how many. Raises Conflict, InvalidInput."""
    network = target.config.get("network", "")
    if target.kind == TargetKind.SEGMENTATION or (network and NETWORKS[network].is_dense):
        raise InvalidInput(
            f"config: {network or 'this network'} segments; only networks that see an image as a "
            "whole, and those that find boxes, can learn without labels.",
            field="config",
        )
    mine = EncoderVersion.objects.filter(project=target.project_id)
    last = mine.aggregate(n=Max("number"))["n"] or 0
    try:
        with transaction.atomic():
            created = EncoderVersion.objects.create(
                project=target.project, target=target, number=last + 1,
                kind=EncoderKind.PRETRAINED,
                recipe={"config": target.config, "input": target.input, "steps": steps},
            )  # fmt: skip
    except IntegrityError:
        raise Conflict("This target's network is being pre-trained already.") from None
    audit.record(
        actor=actor, action="pretraining_requested", target=created,
        project_id=target.project_id, number=created.number,
    )  # fmt: skip
    ring_encoder(created)
    return created


@transaction.atomic
def cancel_pretraining(*, actor: User, encoder: EncoderVersion) -> None:
    """Stop it at its next report."""
    if encoder.is_finished:
        raise Conflict("The pre-training has ended already.", state=encoder.state)
    jobs.request_cancel(encoder)
    audit.record(
        actor=actor, action="pretraining_cancelled", target=encoder, project_id=encoder.project_id
    )
