"""Targets, rounds, model versions and predictions."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from pgvector.django import HnswIndex, VectorField

from annotation.core.jobs import Job
from annotation.core.models import BaseModel
from annotation.datasets.models import Dataset
from annotation.labeling.models import Case, Project


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
    retrain_after = models.PositiveIntegerField(default=25)  # newly accepted reads; 0 = by hand
    config = models.JSONField(default=dict, blank=True)  # overrides of training.config.TrainConfig
    head_strategy = models.CharField(max_length=40, default="adaptive")
    refit_after = models.PositiveIntegerField(default=5)  # newly labeled cases; 0 = no light head
    promotion = models.CharField(max_length=20, choices=Promotion, default=Promotion.WHEN_NOT_WORSE)

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
    """The network that a round trained; weights lie under their SHA-256 as safetensors."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="model_versions")
    round = models.OneToOneField(Round, on_delete=models.PROTECT, related_name="model_version")
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=10, choices=ModelVersionState, default=ModelVersionState.CANDIDATE
    )
    weights_sha256 = models.CharField(max_length=64)
    classes = ArrayField(models.CharField(max_length=80))  # empty where it gives a number
    threshold = models.FloatField(null=True)  # of the positive class, chosen on validation
    thresholds = ArrayField(models.FloatField(), default=list)  # of each finding, where many can be
    task = models.JSONField(default=dict)  # training.tasks.Task.as_json, fitted
    architecture = models.JSONField(default=dict)  # training.networks.Architecture.as_json
    evidence = models.JSONField(default=dict)  # services.comparison.Evidence of its time

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "number"], name="model_number_unique"),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state="production"),
                name="model_one_in_production",
            ),
        ]

    def __str__(self) -> str:
        return f"model {self.number} of {self.target_id}"


class Prediction(models.Model):
    """What one model version says of one case, and the score that ranked it.

    `values` are those of the task: a probability per class, a number in its unit, a log risk. What
    was drawn lies in `content`, as in a read.
    """

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="predictions"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="predictions")
    values = ArrayField(models.FloatField(), default=list)
    content = models.JSONField(default=dict)
    components = models.JSONField(default=dict)  # what the score was made of
    propensity = models.FloatField(null=True)  # of this draw given those before it
    score = models.FloatField(null=True)  # higher = label first; None outside the pool

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "case"], name="prediction_unique")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} by {self.model_version_id}"


class TestResult(models.Model):
    """What one model version says of one labeled test case, beside what was true when it was tested.

    Every figure of the version can be computed from these, of any part of the test set.
    """

    __test__ = False  # pytest: this is no test
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="test_results"
    )
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="test_results")
    patient_key = models.CharField(max_length=16)
    truth = models.JSONField(null=True)  # as the task encodes it; missing values are null
    values = ArrayField(models.FloatField())  # as the task predicts; of masks see metrics.figures

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "case"], name="test_result_unique")
        ]

    def __str__(self) -> str:
        return f"test of {self.case_id} by {self.model_version_id}"


EMBEDDING_SIZE = 256  # shorter vectors are filled up with zeros, which changes no distance


class EncoderKind(models.TextChoices):
    DESCRIPTOR = "descriptor"  # needs no training: there within minutes
    CONTRASTIVE = "contrastive"  # learned from the project's own images, without labels


class EncoderVersion(Job):
    """What turns a project's cases into vectors: fitted once, then run over every case that arrives."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="encoders")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=EncoderKind, default=EncoderKind.DESCRIPTOR)
    content = models.BinaryField(default=bytes)  # npz; empty until it is fitted
    is_ready = models.BooleanField(default=False)  # it has embedded every case of its first run

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="encoder_number_unique"),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(state__in=["pending", "running"]),
                name="encoder_one_unfinished_per_project",
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
