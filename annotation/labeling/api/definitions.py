"""The shape of a label schema's normalised definition (docs/reference/label-schema.md)."""

from typing import Any

from rest_framework import serializers

from annotation.labeling.schemas.definition import KINDS, REGION_KINDS, SCOPES, SUGGESTION_MODES
from annotation.labeling.schemas.hanging import LINKS, PLANES, WAYS

# `label`, `required` and `source` are fields of the JSON here. DRF's metaclass takes declared fields
# off the class, so nothing is overridden; mypy sees Field.label and its like: type: ignore[assignment].
Plain = serializers.Serializer[Any]


class CodeSerializer(Plain):
    system = serializers.CharField()
    value = serializers.CharField()
    meaning = serializers.CharField(allow_blank=True)


class OptionSerializer(Plain):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    hotkey = serializers.CharField(allow_blank=True)
    code = CodeSerializer(allow_null=True)


class UnitSerializer(Plain):
    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class QuestionSerializer(Plain):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField(allow_blank=True)
    scope = serializers.ChoiceField(choices=SCOPES)
    kind = serializers.ChoiceField(choices=KINDS)
    required = serializers.BooleanField()  # type: ignore[assignment]
    required_if = serializers.JSONField(allow_null=True)
    show_if = serializers.JSONField(allow_null=True)
    default = serializers.JSONField(allow_null=True)
    is_normal = serializers.JSONField(allow_null=True)
    allows_cannot_assess = serializers.BooleanField()
    options = OptionSerializer(many=True)
    unit = UnitSerializer(allow_null=True)
    minimum = serializers.FloatField(allow_null=True)
    maximum = serializers.FloatField(allow_null=True)
    decimals = serializers.IntegerField(allow_null=True)
    max_length = serializers.IntegerField(allow_null=True)
    code = CodeSerializer(allow_null=True)
    for_labels = serializers.ListField(child=serializers.CharField())


class RegionLabelSerializer(Plain):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    colour = serializers.CharField()
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=REGION_KINDS))
    code = CodeSerializer(allow_null=True)


class SegmentSerializer(Plain):
    value = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    colour = serializers.CharField()
    layer = serializers.IntegerField()
    code = CodeSerializer(allow_null=True)


class HangingMatchSerializer(Plain):
    modality = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField(allow_blank=True)
    body_part = serializers.ListField(child=serializers.CharField())
    orientation = serializers.ListField(child=serializers.ChoiceField(choices=PLANES))
    has_prior = serializers.BooleanField(allow_null=True)


class HangingPaneSerializer(Plain):
    modality = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField(allow_blank=True)
    orientation = serializers.ChoiceField(choices=PLANES, allow_null=True)
    prior = serializers.IntegerField()
    preset = serializers.CharField(allow_blank=True)

    def get_fields(self) -> Any:
        return {**super().get_fields(), "as": serializers.ChoiceField(choices=WAYS)}


class HangingRuleSerializer(Plain):
    name = serializers.CharField(allow_blank=True)
    match = HangingMatchSerializer()
    layout = serializers.CharField()
    sync = serializers.ListField(child=serializers.ChoiceField(choices=LINKS))
    panes = HangingPaneSerializer(many=True)


class OptionsSerializer(Plain):
    hides_patient = serializers.BooleanField()
    suggestions = serializers.ChoiceField(choices=SUGGESTION_MODES)
    shows_explanations = serializers.BooleanField()


class DefinitionSerializer(Plain):
    questions = QuestionSerializer(many=True)
    region_labels = RegionLabelSerializer(many=True)
    segments = SegmentSerializer(many=True)
    hanging = HangingRuleSerializer(many=True)
    options = OptionsSerializer()
