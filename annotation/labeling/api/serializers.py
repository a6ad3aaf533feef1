"""Shapes that the labeling API reads and writes."""

from typing import Any

from rest_framework import serializers

from annotation.imaging.volume import NotAVolume
from annotation.labeling.api.definitions import (
    DefinitionSerializer,
    HangingRuleSerializer,
    OptionsSerializer,
)
from annotation.labeling.models import (
    AnnotationState,
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Role,
    Selection,
    Verdict,
)

PLANES = ("axial", "sagittal", "coronal", "oblique", "")
Plain = serializers.Serializer[Any]


class ProjectSerializer(Plain):
    id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    readers_per_case = serializers.IntegerField()
    requires_review = serializers.BooleanField()
    lease_seconds = serializers.IntegerField()
    control_share = serializers.FloatField()


class ProjectSettingsRequest(Plain):
    readers_per_case = serializers.IntegerField(min_value=1, max_value=20, required=False)
    requires_review = serializers.BooleanField(required=False)
    lease_seconds = serializers.IntegerField(min_value=5, max_value=86_400, required=False)
    control_share = serializers.FloatField(min_value=0, max_value=1, required=False)


class NewProjectRequest(ProjectSettingsRequest):
    name = serializers.CharField(max_length=120)
    definition = serializers.JSONField()


class SchemaSerializer(Plain):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    definition = DefinitionSerializer(source="schema.as_json")


class NewSchemaRequest(Plain):
    definition = serializers.JSONField()


class MemberSerializer(Plain):
    user_id = serializers.UUIDField()
    username = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(choices=Role.choices)
    is_active = serializers.BooleanField(
        source="user.is_active", help_text="False where an operator has disabled the account."
    )


class MemberRequest(Plain):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=Role.choices)


class CaseRowSerializer(Plain):
    id = serializers.UUIDField()
    study_instance_uid = serializers.CharField(source="study.study_instance_uid")
    patient_id = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=CaseState.choices)
    front = serializers.IntegerField()
    priority = serializers.FloatField()
    priority_reason = serializers.CharField(allow_blank=True)
    ranking_id = serializers.UUIDField(allow_null=True)
    read_count = serializers.IntegerField()

    def get_patient_id(self, case: Case) -> str:
        return "" if self.context.get("hides_patient") else case.study.patient_id


class InstanceSerializer(Plain):
    sop_instance_uid = serializers.CharField()
    number_of_frames = serializers.IntegerField()


class SeriesSerializer(Plain):
    series_instance_uid = serializers.CharField()
    modality = serializers.CharField(allow_blank=True)
    series_number = serializers.IntegerField(allow_null=True)
    series_description = serializers.CharField(allow_blank=True)
    body_part_examined = serializers.CharField(allow_blank=True)
    laterality = serializers.CharField(allow_blank=True)
    orientation = serializers.ChoiceField(choices=PLANES)
    not_a_volume = serializers.ChoiceField(
        choices=list(NotAVolume),
        allow_null=True,
        help_text="why the series is shown as a stack only",
    )
    is_prepared = serializers.BooleanField()
    instances = InstanceSerializer(many=True)
    frame_order = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="the images in slice order: places, from 0, in the row of all frames of one "
        "instance after the other; null where that row is in slice order",
    )


class StudySerializer(Plain):
    study_instance_uid = serializers.CharField()
    study_date = serializers.DateField(allow_null=True)
    study_description = serializers.CharField(allow_blank=True)
    patient_id = serializers.CharField(allow_blank=True)
    patient_sex = serializers.CharField(allow_blank=True)
    patient_age = serializers.CharField(allow_blank=True)
    series = SeriesSerializer(many=True)


class UpcomingSerializer(Plain):
    """What decides what will be shown first when the case opens."""

    case_id = serializers.UUIDField()
    study = StudySerializer()
    priors = StudySerializer(many=True)
    hanging = HangingRuleSerializer(many=True)


class WaitingSerializer(Plain):
    """What a reader with an empty worklist waits for."""

    has_more = serializers.BooleanField(help_text="Whether a claim would find a case now.")
    arriving = serializers.IntegerField(help_text="Cases whose studies are still arriving.")
    quiet_seconds = serializers.FloatField(
        help_text="They can be read once nothing more of them has come for so long."
    )


class AssignmentSerializer(serializers.ModelSerializer[Assignment]):
    """A lease, without the rank of its case, which would tell what a model thinks of it."""

    state = serializers.ChoiceField(choices=AssignmentState.choices)
    selection = serializers.ChoiceField(choices=Selection.choices)

    class Meta:
        model = Assignment
        fields = ["id", "case", "state", "selection", "expires_at"]
        read_only_fields = fields


class AskedSlicesSerializer(Plain):
    layer = serializers.IntegerField()
    series_instance_uid = serializers.CharField()
    slices = serializers.ListField(
        child=serializers.CharField(), help_text='"SOP Instance UID:frame" each, in slice order.'
    )


class AnnotationSerializer(Plain):
    id = serializers.UUIDField()
    case_id = serializers.UUIDField()
    reader = serializers.CharField(source="reader.username")
    state = serializers.ChoiceField(choices=AnnotationState.choices)
    version = serializers.IntegerField(source="draft_version")
    content = serializers.JSONField(source="draft")
    active_seconds = serializers.FloatField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    schema = SchemaSerializer()
    asked = AskedSlicesSerializer(
        many=True, help_text="The slices to draw on, where not the whole series is wanted."
    )


class SuggestionSerializer(Plain):
    id = serializers.UUIDField()
    # DRF's metaclass takes declared fields off the class; mypy sees Field.source.
    source = serializers.CharField()  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    content = serializers.JSONField()


class ReadingSerializer(Plain):
    """Everything the reading page needs for one case, in one answer."""

    case_id = serializers.UUIDField()
    priority_reason = serializers.CharField(allow_blank=True, help_text="In English.")
    priority_words = serializers.JSONField(
        help_text='The same in no language: {"code": ..., and its values}, or {}.'
    )
    study = StudySerializer()
    study_revision = serializers.IntegerField(
        help_text="What is shown of the study; a submission sends it along."
    )
    priors = StudySerializer(many=True)
    options = OptionsSerializer()
    suggestions = SuggestionSerializer(many=True)
    assignment = AssignmentSerializer(allow_null=True)
    annotation = AnnotationSerializer()
    is_returned = serializers.BooleanField(help_text="By a reviewer, and not handed in since.")
    review_comment = serializers.CharField(allow_blank=True, help_text="Why it was returned.")


class OverviewSerializer(Plain):
    """A case with everybody's read of it, for supervisors to look at."""

    case_id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=CaseState.choices)
    study = StudySerializer()
    priors = StudySerializer(many=True)
    options = OptionsSerializer()
    schema = SchemaSerializer(allow_null=True, help_text="The project's newest questions.")
    reads = AnnotationSerializer(many=True)


class DraftRequest(Plain):
    content = serializers.JSONField()


class HeartbeatRequest(Plain):
    # No most: a reader without a network tells an hour at once, and nothing may keep a read from being
    # handed in. What counts is `claiming`'s to say.
    active_seconds = serializers.FloatField(min_value=0, default=0)


class SubmissionRequest(HeartbeatRequest):
    content = serializers.JSONField()
    take_next = serializers.BooleanField(default=False)
    study_revision = serializers.IntegerField(
        min_value=0, allow_null=True, default=None,
        help_text="Of the study as it was looked at; else it may not have changed since the case was served.",
    )  # fmt: skip


class RevisionSerializer(Plain):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    content = serializers.JSONField()
    sha256 = serializers.CharField()
    active_seconds = serializers.FloatField()
    created_at = serializers.DateTimeField()


class SubmittedSerializer(RevisionSerializer):
    next = ReadingSerializer(allow_null=True, help_text="Null where none was wanted or is left.")


class ReviewRequest(Plain):
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    comment = serializers.CharField(max_length=4000, allow_blank=True, default="")


class ReviewSerializer(Plain):
    id = serializers.UUIDField()
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    comment = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()


class ReaderProgressSerializer(Plain):
    reader_id = serializers.UUIDField()
    username = serializers.CharField()
    submitted = serializers.IntegerField()
    accepted = serializers.IntegerField()
    median_active_seconds = serializers.FloatField(allow_null=True)


class DayProgressSerializer(Plain):
    day = serializers.DateField()
    submitted = serializers.IntegerField()


class ProgressSerializer(Plain):
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    in_progress = serializers.IntegerField()
    left = serializers.IntegerField()
    waiting_for_review = serializers.IntegerField()
    outgrown = serializers.IntegerField(
        help_text="Finished cases of which more images have come since: they teach nothing."
    )
    median_active_seconds = serializers.FloatField(allow_null=True)
    per_reader = ReaderProgressSerializer(many=True)
    per_day = DayProgressSerializer(many=True)


class ReturnedReadsSerializer(Plain):
    returned = serializers.IntegerField()
