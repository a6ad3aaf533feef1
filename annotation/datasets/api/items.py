"""What a frozen dataset holds: its items, and the reads and images of each."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.archive.models import Instance
from annotation.core.errors import InvalidInput, get_or_not_found
from annotation.datasets import selectors
from annotation.datasets.access import dataset_for
from annotation.datasets.models import Dataset, DatasetItem, Split
from annotation.labeling import access
from annotation.labeling.api.filters import PAGING
from annotation.labeling.services import projects

Plain = serializers.Serializer[Any]


class ItemsQuery(Plain):
    split = serializers.ChoiceField(choices=Split.choices, required=False)
    answer = serializers.CharField(
        required=False,
        max_length=100,
        help_text="question:option; or for the option ~none (no agreed answer), ~cannot_assess, "
        "~no_option (none of many).",
    )
    search = serializers.CharField(
        required=False,
        max_length=100,
        help_text="Part of the PatientID (where the caller may know it) or of the Study Instance "
        "UID, the begin of the patient's pseudonym, or the case's id.",
    )


class DatasetItemSerializer(Plain):
    """A case as it was frozen."""

    case_id = serializers.UUIDField()
    study_instance_uid = serializers.CharField(source="case.study.study_instance_uid")
    patient_id = serializers.SerializerMethodField(help_text="Empty where patients are hidden.")
    patient_key = serializers.CharField(help_text="The patient's pseudonym in exports.")
    split = serializers.ChoiceField(choices=Split.choices)
    answers = serializers.DictField(child=serializers.JSONField(), help_text="By question.")
    read_count = serializers.SerializerMethodField()
    contents_sha256 = serializers.ListField(
        child=serializers.CharField(), help_text="Of the content of each read."
    )
    images_sha256 = serializers.CharField(help_text="Over the sorted SHA-256 of the images.")
    instance_count = serializers.IntegerField(
        source="case.study.number_of_instances", help_text="That the study holds now."
    )

    def get_patient_id(self, item: DatasetItem) -> str:
        return item.case.study.patient_id if self.context.get("names_patients") else ""

    def get_read_count(self, item: DatasetItem) -> int:
        return len(item.revision_ids)


class FrozenReadSerializer(Plain):
    revision_id = serializers.UUIDField(source="revision.pk")
    annotation_id = serializers.UUIDField(source="revision.annotation_id")
    reader = serializers.CharField(source="revision.annotation.reader.username")
    number = serializers.IntegerField(source="revision.number")
    schema_version = serializers.IntegerField(source="revision.schema.version")
    submitted_at = serializers.DateTimeField(source="revision.created_at")
    sha256 = serializers.CharField(allow_null=True, help_text="As frozen; null where not kept.")
    is_unchanged = serializers.BooleanField(
        allow_null=True, help_text="Whether the content still has that SHA-256."
    )
    has_newer = serializers.BooleanField(help_text="The reader has handed in again since.")


class HeldImagesSerializer(Plain):
    count = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Over the sorted SHA-256 of the images now.")
    is_unchanged = serializers.BooleanField(help_text="Whether these are those that were frozen.")


class DatasetItemDetailSerializer(DatasetItemSerializer):
    reads = FrozenReadSerializer(many=True)
    images = HeldImagesSerializer()


class HeldInstanceSerializer(Plain):
    sop_instance_uid = serializers.CharField()
    instance_number = serializers.IntegerField(allow_null=True)
    series_instance_uid = serializers.CharField(source="series.series_instance_uid")
    series_number = serializers.IntegerField(source="series.series_number", allow_null=True)
    series_description = serializers.CharField(source="series.series_description", allow_blank=True)
    modality = serializers.CharField(source="series.modality", allow_blank=True)
    number_of_frames = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of the stored file.")


def names_patients_to(user: Any, dataset: Dataset) -> bool:
    """Whether the user may know who the patients are, by the project's options of today."""
    options = projects.options_of(dataset.project)
    return not access.hides_patient_from(user, dataset.project, options)


def item_of(dataset: Dataset, case_id: UUID) -> DatasetItem:
    return get_or_not_found(dataset.items.select_related("case__study"), case=case_id)


class ItemsView(generics.ListAPIView[Any]):
    """The items of a dataset, in the order of its exports."""

    serializer_class = DatasetItemSerializer
    filter_backends = []
    queryset = DatasetItem.objects.none()
    names_patients = False

    @extend_schema(parameters=[ItemsQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return DatasetItem.objects.none()
        dataset = dataset_for(self.request.user, self.kwargs["dataset_id"])
        self.names_patients = names_patients_to(self.request.user, dataset)
        return selectors.find_items(dataset, names_patients=self.names_patients, **self._asked())

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "names_patients": self.names_patients}

    def _asked(self) -> dict[str, str]:
        unknown = sorted(set(self.request.query_params) - set(ItemsQuery().fields) - PAGING)
        if unknown:
            raise InvalidInput("Unknown filter.", field=unknown[0])
        query = ItemsQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)


class ItemView(APIView):
    """One item: the reads that it was made of and whether they and its images are as they were."""

    @extend_schema(responses=DatasetItemDetailSerializer)
    def get(self, request: Request, dataset_id: UUID, case_id: UUID) -> Response:
        dataset = dataset_for(user_of(request), dataset_id)
        item: Any = item_of(dataset, case_id)
        item.reads = selectors.find_frozen_reads(item)
        item.images = selectors.held_images(item)
        context = {"names_patients": names_patients_to(user_of(request), dataset)}
        return Response(DatasetItemDetailSerializer(item, context=context).data)


class ItemInstancesView(generics.ListAPIView[Any]):
    """The images that the archive holds now of an item's study."""

    serializer_class = HeldInstanceSerializer
    filter_backends = []
    queryset = Instance.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Instance.objects.none()
        dataset = dataset_for(self.request.user, self.kwargs["dataset_id"])
        return selectors.find_instances(item_of(dataset, self.kwargs["case_id"]))
