"""A project's table of clinical values: uploaded, looked at by its columns, deleted. For managers.

No patient's value and no identifier leaves here, only which categories there are.
"""

from typing import IO, Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.labeling import access, selectors
from annotation.labeling.clinical import CATEGORY, MOST_BYTES, NUMBER
from annotation.labeling.models import ClinicalTable, Identifier, Project
from annotation.labeling.services import clinical

Plain = serializers.Serializer[Any]


class CsvParser(BaseParser):
    """The bytes of a table, one more than allowed at most."""

    media_type = "text/csv"

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        del media_type, parser_context
        return {"table": stream.read(MOST_BYTES + 1)}


class ClinicalColumnSerializer(Plain):
    key = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    type = serializers.ChoiceField(choices=[NUMBER, CATEGORY])
    categories = serializers.ListField(child=serializers.CharField())
    case_count = serializers.IntegerField(help_text="Cases of the project with a value.")


class ClinicalTableSerializer(Plain):
    identifier = serializers.ChoiceField(choices=Identifier.choices)
    columns = ClinicalColumnSerializer(many=True)
    line_count = serializers.IntegerField()
    unmatched_line_count = serializers.IntegerField(help_text="Lines that belong to no case yet.")
    case_count = serializers.IntegerField(help_text="Cases that belong to a line.")
    uploaded_by = serializers.CharField(allow_blank=True)
    uploaded_at = serializers.DateTimeField()


class ClinicalTableAnswer(Plain):
    table = ClinicalTableSerializer(allow_null=True)


def table_body(table: ClinicalTable) -> dict[str, Any]:
    counts = selectors.count_clinical_values(table)
    return {
        "identifier": table.identifier,
        "columns": [
            {**column, "case_count": counts.by_column.get(column["key"], 0)}
            for column in table.columns
        ],
        "line_count": counts.lines,
        "unmatched_line_count": counts.unmatched_lines,
        "case_count": counts.cases,
        "uploaded_by": table.uploaded_by.username if table.uploaded_by else "",
        "uploaded_at": table.created_at,
    }


def answer(project: Project) -> Response:
    table = ClinicalTable.objects.filter(project=project).select_related("uploaded_by").first()
    body = {"table": table and table_body(table)}
    return Response(ClinicalTableAnswer(body).data)


class ClinicalTableView(APIView):
    """The project's clinical values, by column and count."""

    parser_classes = [CsvParser]

    @extend_schema(responses=ClinicalTableAnswer)
    def get(self, request: Request, project_id: UUID) -> Response:
        return answer(access.project_for(user_of(request), project_id, access.MANAGERS))

    @extend_schema(request={"text/csv": OpenApiTypes.BINARY}, responses=ClinicalTableAnswer)
    def put(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        body: Any = request.data
        clinical.replace_table(actor=user_of(request), project=project, data=body.get("table", b""))
        return answer(project)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        clinical.delete_table(actor=user_of(request), project=project)
        return Response(status=status.HTTP_204_NO_CONTENT)
