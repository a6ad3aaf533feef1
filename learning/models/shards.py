"""The pool of a round in parts that any worker can predict."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotation.core.jobs import Job
from learning.models.rounds import Round


class Shard(Job):
    """Some open cases of a round, and what the round's network says of them. Gone when the round ends."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    is_held_out = models.BooleanField()  # the split keeps its cases from training
    case_ids = ArrayField(models.UUIDField())
    found = models.JSONField(default=list)  # pipeline.base.Foreseen.as_json of each usable case
    excluded = models.JSONField(default=dict)  # {case: why it has no prediction}

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "number"], name="shard_number_unique")
        ]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.round_id}"
