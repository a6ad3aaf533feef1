"""The quick loop: vectors of cases, light heads, their picks and outcomes."""

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from pgvector.django import HnswIndex, VectorField

from annotation.core.jobs import ResumableJob
from annotation.core.models import BaseModel
from annotation.labeling.models import Case, Project
from learning.models.rounds import Target

EMBEDDING_SIZE = 256  # shorter vectors are filled up with zeros, which changes no distance


class EncoderKind(models.TextChoices):
    DESCRIPTOR = "descriptor"  # needs no training: there within minutes
    CONTRASTIVE = "contrastive"  # learned from the project's own images, without labels
    PRETRAINED = (
        "pretrained"  # a target's own network learned so: rounds start from it, it embeds nothing
    )


class EncoderVersion(ResumableJob):
    """What turns a project's cases into vectors: fitted once, then run over every case that arrives.

    Or, of the kind `pretrained`, weights that the rounds of a target may start from.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="encoders")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=EncoderKind, default=EncoderKind.DESCRIPTOR)
    content = models.BinaryField(default=bytes)  # npz; empty until it is fitted
    is_ready = models.BooleanField(default=False)  # it has embedded every case of its first run
    # Of the kind `pretrained` alone, but for the recipe
    target = models.ForeignKey(
        Target, null=True, on_delete=models.CASCADE, related_name="pretrainings"
    )
    # {"config": TrainConfig.as_json, until it runs only what the target overrides; "input": ...;
    #  "steps": n or null}; of others {"flip": whether it may see mirror images}
    recipe = models.JSONField(default=dict)
    architecture = models.JSONField(default=dict)
    weights_sha256 = models.CharField(max_length=64, blank=True)  # empty until it has learned
    curves = models.JSONField(default=list)  # [{"step", "loss"}]
    left_out = models.JSONField(default=dict)  # exclusions.summary_of
    tracked = models.JSONField(default=dict)  # as of a round

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="encoder_number_unique"),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(state__in=["pending", "running"]) & ~models.Q(kind="pretrained"),
                name="encoder_one_unfinished_per_project",
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state__in=["pending", "running"]),
                name="pretraining_one_unfinished_per_target",
            ),
        ]

    def __str__(self) -> str:
        return f"encoder {self.number} of {self.project_id}"


class Embedding(models.Model):
    """One case as a vector of length 1; without a vector it says why there is none."""

    encoder = models.ForeignKey(EncoderVersion, on_delete=models.CASCADE, related_name="embeddings")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="embeddings")
    vector = VectorField(dimensions=EMBEDDING_SIZE, null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encoder", "case"], name="embedding_unique"),
            models.CheckConstraint(
                condition=models.Q(vector__isnull=False) | ~models.Q(reason=""),
                name="embedding_vector_or_reason",
            ),
        ]
        indexes = [
            HnswIndex(
                name="embedding_neighbours", fields=["vector"], opclasses=["vector_cosine_ops"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} by {self.encoder_id}"


class HeadVersion(BaseModel):
    """A light head on frozen embeddings, refitted every few labels, and the front it chose."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="heads")
    encoder = models.ForeignKey(EncoderVersion, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    content = models.BinaryField(default=bytes)  # npz; empty while one class at most is labeled
    classes = ArrayField(models.CharField(max_length=40))  # none of a number
    unit = models.CharField(max_length=20, blank=True)  # of a number
    strategy = models.CharField(max_length=40)
    seed = models.BigIntegerField()
    finished_cases = models.PositiveIntegerField()  # of the project when it was fitted
    training_labels = models.PositiveIntegerField()
    pool_size = models.PositiveIntegerField()  # training cases that its front was chosen from
    metrics = models.JSONField(default=dict)  # of the test patients; per_class, kappa
    seconds = models.FloatField()  # from the first query to the published front

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "number"], name="head_number_unique"),
        ]

    def __str__(self) -> str:
        return f"head {self.number} of {self.target_id}"

    @property
    def began_at(self) -> datetime:
        """Just before its labels were read: what was accepted since may have taught it nothing."""
        return self.created_at - timedelta(seconds=self.seconds)


class HeadPick(models.Model):
    """Why a case stands at its place of the front, and how likely that was."""

    head = models.ForeignKey(HeadVersion, on_delete=models.CASCADE, related_name="picks")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    place = models.PositiveSmallIntegerField()  # 0 is first
    score = models.FloatField()
    propensity = models.FloatField(null=True)  # of this draw given those before it
    arm = models.CharField(max_length=20)
    components = models.JSONField(default=dict)
    reason = models.CharField(max_length=200)
    words = models.JSONField(default=dict)  # the same in no language: acquisition.reasons

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["head", "case"], name="head_pick_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} at {self.place}"


class Outcome(BaseModel):
    """A training case when its label arrived: what the head of that moment had said of it.

    The label is kept as the last refit found it; where the case had none any more, `labels` is empty.
    Predicted first, trained on afterwards: what is measured on these is honest (prequential).
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="outcomes")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    head = models.ForeignKey(HeadVersion, null=True, on_delete=models.CASCADE, related_name="+")
    # One of the three: a class; independent labels; a number
    answer = models.CharField(max_length=40, blank=True)
    labels = ArrayField(models.SmallIntegerField(null=True), null=True)
    # of the head's classes 1, 0, or None where nobody looked for it
    number = models.FloatField(null=True)
    # Probabilities, or what number was expected and its deviation; None before the first head
    said = ArrayField(models.FloatField(), null=True)
    selection = models.CharField(max_length=8)  # of the assignment under which it was read
    place = models.PositiveSmallIntegerField(null=True)  # in the front
    propensity = models.FloatField(null=True)
    pool_size = models.PositiveIntegerField(null=True)  # cases that the draw could have taken

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "case"], name="outcome_unique"),
            models.CheckConstraint(
                condition=models.Q(answer="", labels__isnull=False, number__isnull=True)
                | models.Q(answer="", labels__isnull=True, number__isnull=False)
                | (~models.Q(answer="") & models.Q(labels__isnull=True, number__isnull=True)),
                name="outcome_one_answer",
            ),
        ]

    def __str__(self) -> str:
        number = "" if self.number is None else str(self.number)
        return f"{self.answer or self.labels or number} of {self.case_id}"
