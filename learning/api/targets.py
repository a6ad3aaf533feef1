"""What a project's models learn, what they could, and the recipe."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.errors import get_or_not_found
from annotation.labeling import access
from annotation.labeling.api.masks import queried
from annotation.labeling.api.projects import parsed
from annotation.labeling.models import LabelSchema
from annotation.labeling.services.projects import current_schema
from learning import kinds, selectors
from learning.acquisition.names import (
    ALL_CHOICES,
    HEAD_CHOICES,
    HEAD_STRATEGIES_OF_KIND,
    STRATEGIES_OF_KIND,
)
from learning.kinds import FIGURE_CHOICES, figure_of
from learning.models import Promotion, Target, TargetKind
from learning.services import columns, naming, targets
from learning.training.inputs import SOURCES
from learning.training.knobs import knobs
from learning.training.registry import NETWORKS


class TargetSerializer(serializers.ModelSerializer[Target]):
    kind = serializers.ChoiceField(choices=TargetKind.choices)
    strategy = serializers.ChoiceField(choices=ALL_CHOICES)
    head_strategy = serializers.ChoiceField(choices=HEAD_CHOICES)
    options = serializers.DictField(child=serializers.JSONField())
    input = serializers.DictField(child=serializers.JSONField())
    config = serializers.DictField(child=serializers.JSONField())
    start = serializers.DictField(child=serializers.CharField())
    name = serializers.CharField()
    figure = serializers.SerializerMethodField()
    strategies = serializers.SerializerMethodField()
    head_strategies = serializers.SerializerMethodField()
    labels = serializers.SerializerMethodField()

    class Meta:
        model = Target
        fields = [
            "id", "name", "kind", "question", "options", "input", "strategy", "strategies",
            "figure", "retrain_after", "head_strategy", "head_strategies", "refit_after",
            "promotion", "config", "start", "finding", "goal", "tolerance", "labels",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=FIGURE_CHOICES))
    def get_figure(self, target: Target) -> str:
        return figure_of(target.kind, target.input)

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=ALL_CHOICES)))
    def get_strategies(self, target: Target) -> list[str]:
        return list(STRATEGIES_OF_KIND[target.kind])

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=HEAD_CHOICES)))
    def get_head_strategies(self, target: Target) -> list[str]:
        """Empty where no light head learns this."""
        version = self._schema_of(target)
        is_head = targets.has_head(target.kind, target.question, version)
        return list(HEAD_STRATEGIES_OF_KIND[target.kind]) if is_head else []

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_labels(self, target: Target) -> list[str]:
        """What the schema calls it: a question, an event's time, question and answer, what is drawn."""
        return naming.labels_in(target, self._schema_of(target))

    def _schema_of(self, target: Target) -> LabelSchema | None:
        if "schema" in self.context:  # one look-up for all targets of a list
            version: LabelSchema | None = self.context["schema"]
            return version
        return current_schema(target.project)


class TargetChangeRequest(serializers.Serializer[Any]):
    strategy = serializers.ChoiceField(choices=ALL_CHOICES, required=False)
    retrain_after = serializers.IntegerField(min_value=0, max_value=1_000_000, required=False)
    head_strategy = serializers.ChoiceField(choices=HEAD_CHOICES, required=False)
    refit_after = serializers.IntegerField(min_value=0, max_value=1_000_000, required=False)
    input = serializers.DictField(child=serializers.JSONField(), required=False)
    config = serializers.DictField(child=serializers.JSONField(), required=False)
    start = serializers.DictField(child=serializers.CharField(), required=False)
    promotion = serializers.ChoiceField(choices=Promotion.choices, required=False)
    finding = serializers.CharField(
        max_length=40, required=False, allow_blank=True,
        help_text="The option that the strategy `rare` looks for; empty: the rarest.",
    )  # fmt: skip
    goal = serializers.FloatField(
        required=False, allow_null=True, help_text="What the deciding figure shall reach."
    )
    tolerance = serializers.FloatField(
        required=False, allow_null=True,
        help_text="Error of suggestions that is accepted: a share; of numbers in their unit.",
    )  # fmt: skip


class TargetRequest(TargetChangeRequest):
    kind = serializers.ChoiceField(choices=TargetKind.choices, required=False)
    question = serializers.CharField(max_length=40, required=False, allow_blank=True)
    options = serializers.DictField(child=serializers.JSONField(), required=False)


class LearnableSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=TargetKind.choices, source="wish.kind")
    question = serializers.CharField(allow_blank=True, source="wish.question")
    options = serializers.DictField(child=serializers.JSONField(), source="wish.options")
    names = serializers.ListField(child=serializers.CharField())
    scope = serializers.ChoiceField(choices=kinds.SCOPES)


class LearnableColumnSerializer(serializers.Serializer[Any]):
    source = serializers.ChoiceField(choices=SOURCES)  # type: ignore[assignment]  # also a DRF name
    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    is_number = serializers.BooleanField()
    categories = serializers.ListField(child=serializers.CharField())
    case_count = serializers.IntegerField(help_text="Cases of the project with a value.")


class LearnableColumnsSerializer(serializers.Serializer[Any]):
    columns = LearnableColumnSerializer(many=True)
    case_count = serializers.IntegerField()


class LearnableColumnsQuery(serializers.Serializer[Any]):
    keyword = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=20, default=list,
        help_text="DICOM keywords to look up besides the usual ones.",
    )  # fmt: skip


class NetworkSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    family = serializers.CharField()
    is_dense = serializers.BooleanField()


class KnobSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["number", "whole", "flag", "choice"])
    usual = serializers.JSONField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    kinds = serializers.ListField(
        child=serializers.CharField(), help_text="Of target, for which it acts; refused elsewhere."
    )


class RecipeOptionsSerializer(serializers.Serializer[Any]):
    networks = NetworkSerializer(many=True)
    knobs = KnobSerializer(many=True)


def target_of(user: Any, target_id: UUID, roles: Any = access.REVIEWERS) -> Target:
    visible = selectors.targets_visible_to(user).select_related("project")
    target = get_or_not_found(visible, pk=target_id)
    access.require(user, target.project, roles)
    return target


class TargetsView(APIView):
    """What the project's models learn."""

    @extend_schema(responses=TargetSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.REVIEWERS)
        found = project.targets.order_by("created_at")
        context = {"schema": current_schema(project)}
        return Response(TargetSerializer(found, many=True, context=context).data)

    @extend_schema(request=TargetRequest, responses={201: TargetSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        target = targets.create_target(
            actor=user_of(request), project=project, **parsed(TargetRequest, request)
        )
        return Response(TargetSerializer(target).data, status=status.HTTP_201_CREATED)


class TargetView(APIView):
    """One target: its strategy, policy and recipe."""

    @extend_schema(responses=TargetSerializer)
    def get(self, request: Request, target_id: UUID) -> Response:
        return Response(TargetSerializer(target_of(user_of(request), target_id)).data)

    @extend_schema(request=TargetChangeRequest, responses=TargetSerializer)
    def patch(self, request: Request, target_id: UUID) -> Response:
        target = target_of(user_of(request), target_id, access.MANAGERS)
        changes = parsed(TargetChangeRequest, request)
        changed = targets.change_target(actor=user_of(request), target=target, **changes)
        return Response(TargetSerializer(changed).data)


class LearnablesView(APIView):
    """Everything in the project's questions and drawings that could be learned."""

    @extend_schema(responses=LearnableSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.REVIEWERS)
        schema = current_schema(project)
        found = kinds.learnable(schema.schema) if schema else []
        return Response(LearnableSerializer(found, many=True).data)


class LearnableColumnsView(APIView):
    """Clinical values that a target's input may name: the table's columns and DICOM keywords."""

    @extend_schema(parameters=[LearnableColumnsQuery], responses=LearnableColumnsSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        keywords = queried(LearnableColumnsQuery, request)["keyword"]
        found = columns.find_columns(project, keywords)
        return Response(LearnableColumnsSerializer(found).data)


class RecipeOptionsView(APIView):
    """The networks and training options that a target's recipe may name."""

    @extend_schema(responses=RecipeOptionsSerializer)
    def get(self, request: Request) -> Response:
        del request
        body = {"networks": NETWORKS.values(), "knobs": knobs()}
        return Response(RecipeOptionsSerializer(body).data)
