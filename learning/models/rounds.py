"""What is learned, and the rounds that learn it."""

from django.conf import settings
from django.db import models

from annotation.core.jobs import PausableJob
from annotation.core.models import BaseModel
from annotation.datasets.models import Dataset
from annotation.labeling.models import Project


class TargetKind(models.TextChoices):
    ONE = "one"
    MANY = "many"
    ORDINAL = "ordinal"
    NUMBER = "number"
    TIME_TO_EVENT = "time_to_event"
    SEGMENTATION = "segmentation"
    BOXES = "boxes"


class Promotion(models.TextChoices):
    """Who puts a new model version into production."""

    WHEN_NOT_WORSE = "when_not_worse"  # the round, where the locked test set shows it
    BY_HAND = "by_hand"


class Target(BaseModel):
    """What a model learns: a question of a project's schema, one layer of masks, or boxes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="targets")
    kind = models.CharField(max_length=20, choices=TargetKind, default=TargetKind.ONE)
    question = models.CharField(max_length=40, blank=True)  # empty where something is drawn
    options = models.JSONField(default=dict, blank=True)  # what the kind needs besides (kinds.py)
    input = models.JSONField(default=dict, blank=True)  # InputSpec; {} = each study's middle image
    strategy = models.CharField(max_length=40, default="margin")
    retrain_after = models.PositiveIntegerField(default=25)  # accepted reads at least; 0 = by hand
    config = models.JSONField(default=dict, blank=True)  # overrides of training.config.TrainConfig
    head_strategy = models.CharField(max_length=40, default="herding")
    finding = models.CharField(max_length=40, blank=True)  # looked for by "rare"; empty: the rarest
    refit_after = models.PositiveIntegerField(
        default=5
    )  # new or corrected cases; 0 = no light head
    promotion = models.CharField(max_length=20, choices=Promotion, default=Promotion.WHEN_NOT_WORSE)
    start = models.JSONField(default=dict, blank=True)  # where a network begins: services.starts
    # What labeling may stop at: the deciding figure, and the error of suggestions (a share; of numbers
    # in their unit). None: nobody has said.
    goal = models.FloatField(null=True, blank=True)
    tolerance = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "question", "options"], name="target_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.project_id}"

    @property
    def name(self) -> str:
        """What people call it: the question's key, or what is drawn."""
        if self.kind == TargetKind.SEGMENTATION:
            return f"masks of layer {self.options['layer']}"
        if self.kind == TargetKind.BOXES:
            return f"boxes of {', '.join(self.options['labels'])}"
        return self.question


class Trigger(models.TextChoices):
    POLICY = "policy"
    MANUAL = "manual"


class Round(PausableJob):
    """Freeze, train, evaluate, predict the pool, rank, publish: one claimed row."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    trigger = models.CharField(max_length=8, choices=Trigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    input = models.JSONField(default=dict, blank=True)  # as the target had it
    strategy = models.CharField(max_length=40)
    seed = models.BigIntegerField()
    config = models.JSONField()
    start = models.JSONField(default=dict)  # as the target named it
    started_from = models.JSONField(default=dict)  # what was taken over: learning.starting
    tracked = models.JSONField(default=dict)  # {tracker: {"ok": …, "detail": …}}: learning.tracking
    code_revision = models.CharField(max_length=64)
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="rounds")
    scorer = models.JSONField(default=dict)  # the trained network for helpers: pipeline.scoring
    training_labels = models.PositiveIntegerField(null=True)
    curves = models.JSONField(default=list)  # one entry per epoch
    metrics = models.JSONField(default=dict)
    ranked_cases = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "number"], name="round_number_unique"),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state__in=["pending", "running"]),
                name="round_one_unfinished_per_target",
            ),
        ]

    def __str__(self) -> str:
        return f"round {self.number} of {self.target_id}"
