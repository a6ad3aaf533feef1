"""Clinical values of a project's patients and studies, as a manager uploaded them."""

from django.conf import settings
from django.db import models

from annotation.core.models import BaseModel
from annotation.labeling.models.projects import Project


class Identifier(models.TextChoices):
    """What the lines of a table go by: a DICOM keyword of the study."""

    STUDY_INSTANCE_UID = "StudyInstanceUID"
    ACCESSION_NUMBER = "AccessionNumber"
    PATIENT_ID = "PatientID"


class ClinicalTable(BaseModel):
    """The project's one table; a newer upload takes its place as a whole."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="clinical_table")
    identifier = models.CharField(max_length=20, choices=Identifier)
    columns = models.JSONField()  # labeling.clinical.ClinicalColumn, in the file's order
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    def __str__(self) -> str:
        return f"clinical table of {self.project_id}"


class ClinicalRow(models.Model):
    """The values of one line, by its identifier: studies that arrive later find theirs."""

    table = models.ForeignKey(ClinicalTable, on_delete=models.CASCADE, related_name="rows")
    key = models.CharField(max_length=64)
    values = models.JSONField()  # by ClinicalColumn.key; a missing value has no entry

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["table", "key"], name="clinical_row_unique"),
        ]

    def __str__(self) -> str:
        return f"row of {self.table_id}"
