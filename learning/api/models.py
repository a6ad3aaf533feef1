"""One model version over HTTP: figures, subgroups, drift, comparison, chain and card."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.errors import get_or_not_found
from learning import selectors
from learning.api.views import EstimateSerializer, ModelVersionSerializer, ReliabilitySerializer
from learning.models import ModelVersion, TargetKind
from learning.services import model_versions
from learning.services.card_text import as_markdown
from learning.services.comparison import Verdict, compare_versions
from learning.services.drift import QUANTITIES, drift_of
from learning.services.lineage import lineage_of
from learning.services.model_cards import model_card
from learning.services.naming import labels_of_target
from learning.services.subgroups import MIN_PATIENTS, subgroups_of
from learning.training.metrics.figures import in_order
from learning.training.metrics.intervals import LEAST_OF_RAREST, LEAST_PATIENTS


class FigureSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    estimate = EstimateSerializer()


class LabelFiguresSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    positives = serializers.IntegerField()
    missed = serializers.IntegerField(
        allow_null=True,
        help_text="Cases in which it drew nothing of a structure, or invented it: no distance counts them.",
    )
    threshold = serializers.FloatField(
        allow_null=True, help_text="From which on it is called, as validation chose."
    )
    figures = FigureSerializer(many=True)


class OperatingPointSerializer(serializers.Serializer[Any]):
    false_per_image = serializers.FloatField(help_text="False boxes per image, at most.")
    sensitivity = EstimateSerializer()


class EvidenceSerializer(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    against = serializers.IntegerField(allow_null=True)
    metric = serializers.CharField(allow_blank=True)
    difference = EstimateSerializer()
    margin = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    patients = serializers.IntegerField()
    rests_on = serializers.IntegerField(
        allow_null=True, help_text="Patients of them with the rarest answer, structure or event."
    )
    least_patients = serializers.SerializerMethodField()
    least_of_rarest = serializers.SerializerMethodField()

    def get_least_patients(self, _evidence: Any) -> int:
        """With fewer nothing is shown."""
        return LEAST_PATIENTS

    def get_least_of_rarest(self, _evidence: Any) -> int:
        """With fewer to rest on nothing is shown."""
        return LEAST_OF_RAREST


class SplitSizeSerializer(serializers.Serializer[Any]):
    split = serializers.CharField()
    cases = serializers.IntegerField()
    patients = serializers.IntegerField()


class DatasetLineSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField()
    sha256 = serializers.CharField()
    frozen_at = serializers.DateTimeField()
    schema_version = serializers.IntegerField()
    cases = serializers.IntegerField()
    patients = serializers.IntegerField()
    splits = SplitSizeSerializer(many=True)
    reads = serializers.IntegerField()
    reads_sha256 = serializers.CharField()
    instances = serializers.IntegerField()
    instances_sha256 = serializers.CharField()


class StartLineSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    sha256 = serializers.CharField()


class RoundLineSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    strategy = serializers.CharField()
    seed = serializers.IntegerField()
    code_revision = serializers.CharField()
    device = serializers.CharField(allow_blank=True)
    training_labels = serializers.IntegerField(allow_null=True)
    started_from = StartLineSerializer(allow_null=True)


class LineageSerializer(serializers.Serializer[Any]):
    origin = serializers.CharField(allow_blank=True)
    columns = serializers.ListField(child=serializers.CharField())
    round = RoundLineSerializer(allow_null=True)
    dataset = DatasetLineSerializer(allow_null=True)


class ModelDetailSerializer(serializers.Serializer[Any]):
    version = ModelVersionSerializer()
    question = serializers.CharField()
    kind = serializers.ChoiceField(choices=TargetKind.choices)
    target_labels = serializers.ListField(
        child=serializers.CharField(), help_text="What the schema calls the target."
    )
    project = serializers.UUIDField()
    deciding = serializers.CharField(allow_blank=True)
    n = serializers.IntegerField()
    patients = serializers.IntegerField()
    absent_because = serializers.CharField(allow_null=True)
    figures = FigureSerializer(many=True)
    labels = LabelFiguresSerializer(many=True)
    reliability = ReliabilitySerializer(many=True)
    froc_curve = OperatingPointSerializer(many=True, help_text="Of boxes; else empty.")
    evidence = EvidenceSerializer(allow_null=True)
    lineage = LineageSerializer()


class GroupSerializer(serializers.Serializer[Any]):
    attribute = serializers.CharField(source="group.attribute")
    value = serializers.CharField(source="group.value")
    count = serializers.IntegerField(source="group.count")
    patients = serializers.IntegerField()
    estimate = EstimateSerializer(source="group.estimate")
    gap = EstimateSerializer(source="group.gap")
    p = serializers.FloatField(source="group.p", allow_null=True)
    is_real = serializers.BooleanField(source="group.is_real")
    is_worse = serializers.BooleanField()


class HiddenSerializer(serializers.Serializer[Any]):
    attribute = serializers.CharField()
    groups = serializers.IntegerField()
    cases = serializers.IntegerField()
    unknown = serializers.IntegerField()


class SubgroupsSerializer(serializers.Serializer[Any]):
    figure = serializers.CharField()
    figures = serializers.ListField(child=serializers.CharField())
    n = serializers.IntegerField()
    groups = GroupSerializer(many=True)
    hidden = HiddenSerializer(many=True)
    least_patients = serializers.SerializerMethodField()

    def get_least_patients(self, _report: Any) -> int:
        return MIN_PATIENTS


class DriftSerializer(serializers.Serializer[Any]):
    distance = serializers.FloatField()
    p = serializers.FloatField()


class InputDriftSerializer(serializers.Serializer[Any]):
    scanner = serializers.CharField(allow_null=True)
    month = serializers.CharField()
    count = serializers.IntegerField()
    is_known_scanner = serializers.BooleanField()
    drift = DriftSerializer(allow_null=True)
    is_real = serializers.BooleanField()


class OutputDriftSerializer(serializers.Serializer[Any]):
    output = serializers.CharField(allow_blank=True)
    quantity = serializers.ChoiceField(choices=QUANTITIES)
    month = serializers.CharField()
    count = serializers.IntegerField()
    drift = DriftSerializer(allow_null=True)
    stability_index = serializers.FloatField(allow_null=True)
    is_real = serializers.BooleanField()


class DriftReportSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    encoder = serializers.IntegerField(allow_null=True)
    reference = serializers.IntegerField()
    tested = serializers.IntegerField()
    inputs = InputDriftSerializer(many=True)
    outputs = OutputDriftSerializer(many=True)


def version_of(request: Request, model_version_id: UUID) -> ModelVersion:
    visible = selectors.model_versions_visible_to(user_of(request))
    return get_or_not_found(visible, pk=model_version_id)


class ModelVersionView(APIView):
    """One model version: its figures, the evidence of its promotion, and where it comes from."""

    @extend_schema(responses=ModelDetailSerializer)
    def get(self, request: Request, model_version_id: UUID) -> Response:
        version = version_of(request, model_version_id)
        return Response(ModelDetailSerializer(_detail(version)).data)


class SubgroupsView(APIView):
    """The figure of every group of its test patients that is large enough."""

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "attribute", str, many=True, description="sex, age, or a DICOM keyword"
            ),
            OpenApiParameter("figure", str),
        ],
        responses=SubgroupsSerializer,
    )
    def get(self, request: Request, model_version_id: UUID) -> Response:
        version = version_of(request, model_version_id)
        report = subgroups_of(
            version,
            request.query_params.getlist("attribute"),
            request.query_params.get("figure", ""),
        )
        return Response(SubgroupsSerializer(report).data)


class DriftView(APIView):
    """Whether what arrives is still like what it was trained and measured on."""

    @extend_schema(responses=DriftReportSerializer)
    def get(self, request: Request, model_version_id: UUID) -> Response:
        report = drift_of(version_of(request, model_version_id))
        return Response(DriftReportSerializer(report).data)


class ComparisonView(APIView):
    """This version beside the one in production now, on the patients of both test sets."""

    @extend_schema(responses=EvidenceSerializer)
    def get(self, request: Request, model_version_id: UUID) -> Response:
        version = version_of(request, model_version_id)
        production = model_versions.production_of(version.target)
        return Response(EvidenceSerializer(compare_versions(version, production)).data)


class CardView(APIView):
    """The model card as JSON."""

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, model_version_id: UUID) -> Response:
        version = version_of(request, model_version_id)
        return Response(model_card(version), headers=_as_file(version, "json"))


class CardTextView(APIView):
    """The model card as Markdown."""

    @extend_schema(responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request: Request, model_version_id: UUID) -> HttpResponse:
        version = version_of(request, model_version_id)
        return HttpResponse(
            as_markdown(model_card(version)),
            content_type="text/markdown; charset=utf-8",
            headers=_as_file(version, "md"),
        )


def _as_file(version: ModelVersion, suffix: str) -> dict[str, str]:
    name = f"firstread-model-{version.number}.{suffix}"
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private",
        "X-Content-Type-Options": "nosniff",
    }


def _detail(version: ModelVersion) -> dict[str, Any]:
    metrics = version.metrics
    labels = metrics.get("labels", [])
    has_each = len(version.thresholds) == len(labels)
    thresholds = version.thresholds if has_each else [None] * len(labels)
    return {
        "version": version,
        "question": version.target.name,
        "kind": version.target.kind,
        "target_labels": labels_of_target(version.target),
        "project": version.target.project_id,
        "deciding": metrics.get("metric", {}).get("name", ""),
        "n": metrics.get("n", 0),
        "patients": metrics.get("patients", 0),
        "absent_because": metrics.get("absent_because"),
        "figures": _figures(metrics),
        "labels": [
            {
                "name": one["name"],
                "positives": one["positives"],
                "missed": one.get("missed"),
                "threshold": threshold,
                "figures": _figures(one),
            }
            for one, threshold in zip(labels, thresholds, strict=True)
        ],
        "reliability": metrics.get("reliability", []),
        "froc_curve": metrics.get("froc_curve", []),
        "evidence": version.evidence or None,
        "lineage": lineage_of(version),
    }


def _figures(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    deciding = metrics.get("metric", {}).get("name", "")
    found = [name for name, value in metrics.items() if isinstance(value, dict) and "low" in value]
    return [{"name": name, "estimate": metrics[name]} for name in in_order(found, deciding)]
