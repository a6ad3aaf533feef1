"""Collections, studies, series and instances; the files lie in `storage` under their SHA-256."""

from pathlib import Path

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models

from annotation.archive import storage
from annotation.archive.fields import DicomJsonField
from annotation.core.jobs import Job
from annotation.core.models import BaseModel
from annotation.imaging.frames import FrameIndex


class Collection(BaseModel):
    """A set of studies kept for one owner.

    UIDs are unique inside a collection only: sending a study that another collection holds
    neither reveals nor touches it (docs/decisions/0004).
    """

    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Study(BaseModel):
    """One DICOM study; every column is copied from the first instance that arrived."""

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="studies")
    study_instance_uid = models.CharField(max_length=64)
    patient_id = models.TextField(blank=True)
    patient_name = models.TextField(blank=True)
    patient_sex = models.CharField(max_length=16, blank=True)
    patient_age = models.CharField(max_length=16, blank=True)
    patient_birth_date = models.DateField(null=True)
    study_date = models.DateField(null=True)
    study_time = models.CharField(max_length=32, blank=True)
    study_id = models.TextField(blank=True)
    accession_number = models.TextField(blank=True)
    study_description = models.TextField(blank=True)
    referring_physician_name = models.TextField(blank=True)
    modalities = ArrayField(models.CharField(max_length=64), default=list)  # of its series, sorted
    number_of_series = models.PositiveIntegerField(default=0)
    number_of_instances = models.PositiveIntegerField(default=0)
    dicom_json = models.JSONField()  # the study-level attributes, PS3.18 Annex F

    class Meta:
        verbose_name_plural = "studies"
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "study_instance_uid"], name="study_unique_in_collection"
            )
        ]
        indexes = [
            models.Index(fields=["study_instance_uid"], name="study_uid"),
            models.Index(fields=["collection", "patient_id"], name="study_patient"),
            models.Index(fields=["collection", "accession_number"], name="study_accession"),
            models.Index(
                models.F("collection"),
                models.F("study_date").desc(nulls_last=True),
                models.F("study_instance_uid"),
                models.F("id"),
                name="study_by_date",
            ),
            models.Index(
                models.F("study_date").desc(nulls_last=True),
                models.F("study_instance_uid"),
                models.F("id"),
                name="study_newest",
            ),
            GinIndex(fields=["modalities"], name="study_modalities"),
            GinIndex(OpClass("patient_name", "gin_trgm_ops"), name="study_patient_name"),
        ]

    def __str__(self) -> str:
        return self.study_instance_uid


class Series(BaseModel):
    """One DICOM series."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series")
    series_instance_uid = models.CharField(max_length=64)
    modality = models.CharField(max_length=64, blank=True)
    series_number = models.IntegerField(null=True)
    series_description = models.TextField(blank=True)
    body_part_examined = models.TextField(blank=True)
    laterality = models.CharField(max_length=64, blank=True)
    view_position = models.CharField(max_length=64, blank=True)
    number_of_instances = models.PositiveIntegerField(default=0)
    dicom_json = models.JSONField()

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            models.UniqueConstraint(
                fields=["study", "series_instance_uid"], name="series_unique_in_study"
            )
        ]
        indexes = [models.Index(fields=["modality"], name="series_modality")]

    def __str__(self) -> str:
        return self.series_instance_uid


class Instance(BaseModel):
    """One DICOM object, immutable: a row exists only while its file does."""

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="+")
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="instances")
    sop_instance_uid = models.CharField(max_length=64)
    sop_class_uid = models.CharField(max_length=64)
    transfer_syntax_uid = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    instance_number = models.IntegerField(null=True)
    rows = models.IntegerField(null=True)
    columns = models.IntegerField(null=True)
    bits_allocated = models.IntegerField(null=True)
    number_of_frames = models.IntegerField()
    position = models.JSONField(null=True)  # ImagePositionPatient, LPS mm
    orientation = models.JSONField(null=True)  # ImageOrientationPatient
    frame_index = models.JSONField(null=True)  # annotation.imaging.frames.FrameIndex
    unrenderable_reason = models.TextField(blank=True)
    misread_by_browsers = models.TextField(blank=True)  # why the stored frames need decoding
    dicom_json = DicomJsonField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "sop_instance_uid"], name="instance_unique_in_collection"
            ),
            models.CheckConstraint(
                condition=models.Q(sha256__regex="^[0-9a-f]{64}$"), name="instance_sha256_is_hex"
            ),
        ]
        indexes = [
            models.Index(fields=["sha256"], name="instance_sha256"),
            models.Index(fields=["sop_instance_uid"], name="instance_uid"),
        ]

    def __str__(self) -> str:
        return self.sop_instance_uid

    @property
    def path(self) -> Path:
        return storage.blob_path(self.sha256)

    @property
    def frames(self) -> FrameIndex | None:
        return FrameIndex.from_json(self.frame_index) if self.frame_index else None


class PreparedFrames(BaseModel):
    """An instance's frames encoded again for the browser; without a blob it says why not."""

    instance = models.OneToOneField(Instance, on_delete=models.CASCADE, related_name="prepared")
    transfer_syntax_uid = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    frame_index = models.JSONField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "prepared frames"
        indexes = [models.Index(fields=["sha256"], name="prepared_sha256")]

    def __str__(self) -> str:
        return f"{self.transfer_syntax_uid or self.reason} of {self.instance_id}"


class SeriesPreparation(Job):
    """What makes a series quick to read: its frames as HTJ2K, its metadata, a thumbnail.

    Every arrival in the series raises `revision`; the metadata is valid while it is of that revision.
    """

    series = models.OneToOneField(Series, on_delete=models.CASCADE, related_name="preparation")
    revision = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(auto_now_add=True)
    metadata_revision = models.PositiveIntegerField(default=0)
    metadata_sha256 = models.CharField(max_length=64, blank=True)  # gzip of the JSON array
    has_bulk_data = models.BooleanField(default=False)  # its addresses depend on the request
    thumbnail_sha256 = models.CharField(max_length=64, blank=True)  # JPEG
    image_hash = models.BinaryField(max_length=40, null=True)  # imaging.perceptual_hash

    class Meta:
        indexes = [
            models.Index(
                fields=["changed_at"],
                condition=models.Q(state__in=["pending", "running"]),
                name="preparation_due",
            ),
            models.Index(fields=["changed_at"], name="preparation_changed"),  # what is arriving
        ]

    def __str__(self) -> str:
        return f"preparation of series {self.series_id}"
