"""Targets, rounds, model versions and predictions."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from pgvector.django import HnswIndex, VectorField

from annotation.core.jobs import Job
from annotation.core.models import BaseModel
from annotation.datasets.models import Dataset
from annotation.labeling.models import Case, Project


class Target(BaseModel):
    """What a model learns: one question of a project's schema with exactly one answer."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="targets")
    question = models.CharField(max_length=40)
    strategy = models.CharField(max_length=40, default="margin")
    retrain_after = models.PositiveIntegerField(default=25)  # newly accepted reads; 0 = by hand
    config = models.JSONField(default=dict, blank=True)  # overrides of training.config.TrainConfig
    head_strategy = models.CharField(max_length=40, default="adaptive")
    refit_after = models.PositiveIntegerField(default=5)  # newly labeled cases; 0 = no light head
    start = models.JSONField(default=dict, blank=True)  # where a network begins: services.starts

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "question"], name="target_unique_question")
        ]

    def __str__(self) -> str:
        return f"{self.question} of {self.project_id}"


class Trigger(models.TextChoices):
    POLICY = "policy"
    MANUAL = "manual"


class Round(Job):
    """Freeze, train, evaluate, predict the pool, rank, publish: one claimed row."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    trigger = models.CharField(max_length=8, choices=Trigger)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    strategy = models.CharField(max_length=40)
    seed = models.BigIntegerField()
    config = models.JSONField()
    start = models.JSONField(default=dict)  # as the target named it
    started_from = models.JSONField(default=dict)  # what was taken over: learning.starting
    tracked = models.JSONField(default=dict)  # {tracker: {"ok": …, "detail": …}}: learning.tracking
    code_revision = models.CharField(max_length=64)
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="rounds")
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


class ModelVersionState(models.TextChoices):
    CANDIDATE = "candidate"
    PRODUCTION = "production"
    RETIRED = "retired"


class ModelVersion(BaseModel):
    """A network that a round trained, or that was imported; weights lie under their SHA-256.

    The row describes the network wholly: no setting and no other row is needed to build it again.
    """

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="model_versions")
    round = models.OneToOneField(
        Round, null=True, on_delete=models.PROTECT, related_name="model_version"
    )
    origin = models.CharField(max_length=200, blank=True)  # of an imported one; empty: its round
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=10, choices=ModelVersionState, default=ModelVersionState.CANDIDATE
    )
    weights_sha256 = models.CharField(max_length=64)
    classes = ArrayField(models.CharField(max_length=40))
    threshold = models.FloatField(null=True)  # of the positive class, chosen on validation
    task = models.JSONField(default=dict)  # training.tasks.Task.as_json, fitted
    architecture = models.JSONField(default=dict)  # training.networks.Architecture.as_json
    config = models.JSONField(default=dict)  # training.config.TrainConfig.as_json
    input = models.JSONField(
        default=dict
    )  # training.inputs.InputSpec.as_json; {}: one middle frame

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "number"], name="model_number_unique"),
            models.CheckConstraint(
                condition=models.Q(round__isnull=False) | ~models.Q(origin=""),
                name="model_has_round_or_origin",
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state="production"),
                name="model_one_in_production",
            ),
        ]

    def __str__(self) -> str:
        return f"model {self.number} of {self.target_id}"

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures of its round; those of an imported model are not known here."""
        return self.round.metrics if self.round else {}


class Prediction(models.Model):
    """What one model version says of one case, and the score that ranked it."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="predictions"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="predictions")
    probabilities = ArrayField(models.FloatField())
    score = models.FloatField(null=True)  # higher = label first; None outside the pool

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "case"], name="prediction_unique")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} by {self.model_version_id}"


EMBEDDING_SIZE = 256  # shorter vectors are filled up with zeros, which changes no distance


class EncoderKind(models.TextChoices):
    DESCRIPTOR = "descriptor"  # needs no training: there within minutes
    CONTRASTIVE = "contrastive"  # learned from the project's own images, without labels
    PRETRAINED = (
        "pretrained"  # a target's own network learned so: rounds start from it, it embeds nothing
    )


class EncoderVersion(Job):
    """What turns a project's cases into vectors: fitted once, then run over every case that arrives.

    Or, of the kind `pretrained`, weights that the rounds of a target may start from.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="encoders")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=EncoderKind, default=EncoderKind.DESCRIPTOR)
    content = models.BinaryField(default=bytes)  # npz; empty until it is fitted
    is_ready = models.BooleanField(default=False)  # it has embedded every case of its first run
    # Of the kind `pretrained` alone
    target = models.ForeignKey(
        Target, null=True, on_delete=models.CASCADE, related_name="pretrainings"
    )
    recipe = models.JSONField(default=dict)  # {"config": TrainConfig.as_json, "steps": n or null}
    architecture = models.JSONField(default=dict)
    weights_sha256 = models.CharField(max_length=64, blank=True)  # empty until it has learned
    curves = models.JSONField(default=list)  # [{"step", "loss"}]

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
    classes = ArrayField(models.CharField(max_length=40))
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

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["head", "case"], name="head_pick_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} at {self.place}"


class Outcome(BaseModel):
    """A training case when its label arrived: what the head of that moment had said of it.

    Predicted first, trained on afterwards: what is measured on these is honest (prequential).
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="outcomes")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    head = models.ForeignKey(HeadVersion, null=True, on_delete=models.CASCADE, related_name="+")
    answer = models.CharField(max_length=40)
    probabilities = ArrayField(models.FloatField(), null=True)  # None before the first head
    selection = models.CharField(max_length=8)  # of the assignment under which it was read
    place = models.PositiveSmallIntegerField(null=True)  # in the front
    propensity = models.FloatField(null=True)
    pool_size = models.PositiveIntegerField(null=True)  # cases that the draw could have taken

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "case"], name="outcome_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.answer} of {self.case_id}"


class BundleExport(Job):
    """A model version as one ZIP file, made by a worker."""

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="bundle_exports"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    size_bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model_version"],
                condition=models.Q(state__in=["pending", "running", "completed"]),
                name="bundle_export_one_per_version",
            )
        ]

    def __str__(self) -> str:
        return f"bundle of {self.model_version_id}"


class BundleImport(Job):
    """A bundle that was sent in, until it is a model version or is refused with a reason."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="bundle_imports")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    model_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return f"bundle {self.sha256[:12]} for {self.target_id}"


class CrossValidation(Job):
    """A target's recipe trained k times, each time measured on patients that it was not trained on.

    Inside the training and validation patients of a frozen dataset: the test set stays untouched.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="cross_validations")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    fold_count = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    config = models.JSONField()
    folds = models.JSONField(default=list)  # figures of each fold that is done, in their order
    metrics = models.JSONField(default=dict)  # {figure: {value, low, high}} over the folds

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state__in=["pending", "running"]),
                name="cross_validation_one_unfinished_per_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fold_count} folds of {self.target_id}"
