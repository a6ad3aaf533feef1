"""Split policy, frozen datasets and export jobs."""

import functools
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotation.core.jobs import Job
from annotation.core.models import BaseModel
from annotation.datasets import splits
from annotation.labeling.agreement import disputed
from annotation.labeling.models import Case, LabelSchema, Project, Revision
from annotation.labeling.schemas import Schema, fitting_answers


class Split(models.TextChoices):
    TRAIN = splits.TRAIN
    VALIDATION = splits.VALIDATION
    TEST = splits.TEST


class SplitPolicy(BaseModel):
    """How a project's patients are divided; fixed from the first dataset on."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="split_policy")
    key_hex = models.CharField(max_length=64)
    test_share = models.FloatField(default=0.2)
    validation_share = models.FloatField(default=0.1)

    class Meta:
        verbose_name_plural = "split policies"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(test_share__gte=0)
                & models.Q(validation_share__gte=0)
                & models.Q(test_share__lte=0.9 - models.F("validation_share")),
                name="split_shares_leave_training_data",
            )
        ]

    def __str__(self) -> str:
        return f"split policy of {self.project_id}"

    @property
    def key(self) -> bytes:
        return bytes.fromhex(self.key_hex)


class PatientSplit(models.Model):
    """A split prescribed from outside (a published benchmark); wins over the hash."""

    policy = models.ForeignKey(SplitPolicy, on_delete=models.CASCADE, related_name="prescribed")
    patient_key = models.CharField(max_length=16)
    split = models.CharField(max_length=10, choices=Split)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "patient_key"], name="patient_split_unique")
        ]

    def __str__(self) -> str:
        return f"{self.patient_key} {self.split}"


class PatientGroup(models.Model):
    """A patient who shows nearly the same picture as another, and goes where that one goes."""

    policy = models.ForeignKey(SplitPolicy, on_delete=models.CASCADE, related_name="groups")
    patient_key = models.CharField(max_length=16)
    leader_key = models.CharField(max_length=16)  # whose case came first of the group

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "patient_key"], name="patient_group_unique")
        ]

    def __str__(self) -> str:
        return f"{self.patient_key} with {self.leader_key}"


class Dataset(BaseModel):
    """Ground truth frozen at one moment; a trigger forbids changing it."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="datasets")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+")
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    sha256 = models.CharField(max_length=64)
    is_for_round = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="dataset_number_unique")
        ]

    def __str__(self) -> str:
        return f"dataset {self.number} of {self.project_id}"


class DatasetItem(models.Model):
    """One case of a dataset: its answers, the whole reads they came from, its images, and values.

    The reads' content is that of the revisions, which no more change than the dataset does.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="items")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="dataset_items")
    patient_key = models.CharField(max_length=16)
    split = models.CharField(max_length=10, choices=Split)
    answers = models.JSONField()
    revision_ids = ArrayField(models.UUIDField())
    contents_sha256 = ArrayField(models.CharField(max_length=64), default=list)  # of the revisions
    images_sha256 = models.CharField(max_length=64)  # over the sorted hashes of its instances
    clinical = models.JSONField(default=dict)  # {"table": {column: value}, "dicom": {keyword: …}}

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "case"], name="dataset_item_unique")
        ]
        indexes = [models.Index(fields=["dataset", "split"], name="dataset_item_split")]

    def __str__(self) -> str:
        return f"{self.case_id} in {self.dataset_id}"

    @functools.cached_property
    def schemas(self) -> list[Schema]:
        """The label schemas that its reads answered; of many items `selectors.fetch_schemas` asks at once."""
        answered = Revision.objects.filter(pk__in=self.revision_ids).values("schema")
        return [one.schema for one in LabelSchema.objects.filter(pk__in=answered)]

    @functools.cached_property
    def disputed(self) -> dict[str, frozenset[str]]:
        """What `agreement.disputed` finds in its reads; of many items `selectors.fetch_disputed` asks at
        once."""
        reads = Revision.objects.filter(pk__in=self.revision_ids)
        return self.disputed_in(reads.values_list("content__answers", flat=True))

    def disputed_in(self, answers: Iterable[Any]) -> dict[str, frozenset[str]]:
        """`disputed`, where these are the answers of its reads to the study's questions."""
        schema = self.dataset.schema.schema
        fitting = [fitting_answers(schema, {"answers": one or {}}) for one in answers]
        return disputed(schema, fitting)


class Export(Job):
    """A file made from a dataset by a worker."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="exports")
    format = models.CharField(max_length=20)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    size_bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "format"],
                condition=models.Q(state__in=["pending", "running", "completed"]),
                name="export_one_per_format",
            )
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.dataset_id}"
