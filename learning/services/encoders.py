"""Stops the making of a project's vectors, and lets it go on."""

from django.db import IntegrityError, transaction

from annotation.accounts.models import User
from annotation.core import audit, jobs
from annotation.core.errors import Conflict
from learning.models import EncoderVersion
from learning.services.embeddings import reopen


@transaction.atomic
def cancel_encoder(*, actor: User, encoder: EncoderVersion) -> None:
    """Stop it at its next report; vectors that are there stay. It is not begun again by itself."""
    if encoder.is_finished:
        raise Conflict("The encoder has ended already.", state=encoder.state)
    jobs.request_cancel(encoder)
    audit.record(
        actor=actor, action="encoder_cancelled", target=encoder, project_id=encoder.project_id
    )


@transaction.atomic
def resume_encoder(*, actor: User, encoder: EncoderVersion) -> None:
    """Go on with a cancelled one where it was, and with cases that arrive later."""
    try:
        with transaction.atomic():
            is_reopened = reopen(encoder, state=jobs.JobState.CANCELLED)
    except IntegrityError:
        raise Conflict("Another encoder of the project is under way; it comes first.") from None
    if not is_reopened:
        raise Conflict("The encoder was not cancelled.", state=encoder.state)
    audit.record(
        actor=actor, action="encoder_resumed", target=encoder, project_id=encoder.project_id
    )
