"""Whose images taught weights without labels."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from learning.models.heads import EncoderVersion
from learning.models.rounds import Round


class SeenStudies(models.Model):
    """The studies that an encoder, or a round beside its labels, has learned from.

    Kept when it happened: a patient who is found to be a copy later may move to another split. What has
    been learned with labels is in the round's dataset.
    """

    encoder = models.OneToOneField(
        EncoderVersion, null=True, on_delete=models.CASCADE, related_name="seen"
    )
    round = models.OneToOneField(Round, null=True, on_delete=models.CASCADE, related_name="seen")
    studies = ArrayField(models.UUIDField())  # also of those that are deleted since

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(encoder__isnull=False, round__isnull=True)
                | models.Q(encoder__isnull=True, round__isnull=False),
                name="seen_by_encoder_or_round",
            ),
        ]

    def __str__(self) -> str:
        return f"{len(self.studies)} studies seen by {self.encoder_id or self.round_id}"
