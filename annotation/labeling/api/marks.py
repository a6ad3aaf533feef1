"""Skips, flags and requests for a second opinion."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.accounts.models import User
from annotation.core.errors import NotFound, get_or_not_found
from annotation.labeling import access, selectors
from annotation.labeling.api.filters import MarkFilter
from annotation.labeling.api.projects import parsed
from annotation.labeling.models import Case, CaseState, Handover, Mark, MarkKind
from annotation.labeling.services import handovers, marks, projects

Plain = serializers.Serializer[Any]
SETTABLE = (MarkKind.FLAG, MarkKind.SECOND_OPINION)
KIND = OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=[kind.value for kind in SETTABLE])


def name_of(user: User) -> str:
    return user.get_full_name() or user.username


class MarkSerializer(Plain):
    id = serializers.UUIDField()
    case_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=MarkKind.choices)
    reason = serializers.CharField(allow_blank=True)
    author = serializers.UUIDField(source="reader_id")
    author_name = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)

    def get_author_name(self, mark: Mark) -> str:
        return name_of(mark.reader)


class HandoverSerializer(Plain):
    """Who was given a case."""

    reader_id = serializers.UUIDField()
    reader_name = serializers.SerializerMethodField()

    def get_reader_name(self, handover: Handover) -> str:
        return name_of(handover.reader)


class MarkRowSerializer(MarkSerializer):
    """A mark in the project's list."""

    study_instance_uid = serializers.CharField(source="case.study.study_instance_uid")
    study_description = serializers.CharField(
        source="case.study.study_description", allow_blank=True
    )
    patient_id = serializers.SerializerMethodField()
    case_state = serializers.ChoiceField(choices=CaseState.choices, source="case.state")
    handovers = HandoverSerializer(source="case.handovers", many=True)

    def get_patient_id(self, mark: Mark) -> str:
        return "" if self.context.get("hides_patient") else mark.case.study.patient_id


class MarkChange(Plain):
    is_resolved = serializers.BooleanField()


class MarkRequest(Plain):
    reason = serializers.CharField(max_length=1000, allow_blank=True, default="")


class SkipRequest(Plain):
    reason = serializers.CharField(max_length=1000)


class SkipView(APIView):
    """Give a case back for good."""

    @extend_schema(request=SkipRequest, responses={204: None})
    def post(self, request: Request, assignment_id: UUID) -> Response:
        visible = access.assignments_visible_to(user_of(request)).select_related("reader")
        assignment = get_or_not_found(visible, pk=assignment_id)
        marks.skip(assignment=assignment, **parsed(SkipRequest, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CaseMarksView(APIView):
    """The marks on a case: one's own, all for reviewers and managers."""

    @extend_schema(responses=MarkSerializer(many=True))
    def get(self, request: Request, case_id: UUID) -> Response:
        case = get_or_not_found(access.cases_open_to(user_of(request)), pk=case_id)
        found = access.marks_visible_to(user_of(request)).filter(case=case)
        ordered = found.select_related("reader").order_by("created_at", "pk")
        return Response(MarkSerializer(ordered, many=True).data)


class CaseMarkView(APIView):
    """My mark of one kind on a case."""

    @extend_schema(request=MarkRequest, responses=MarkSerializer, parameters=[KIND])
    def put(self, request: Request, case_id: UUID, kind: str) -> Response:
        case = self._case(request, case_id, kind)
        body = parsed(MarkRequest, request)
        mark = marks.mark_case(reader=user_of(request), case=case, kind=MarkKind(kind), **body)
        return Response(MarkSerializer(mark).data)

    @extend_schema(responses={204: None}, parameters=[KIND])
    def delete(self, request: Request, case_id: UUID, kind: str) -> Response:
        case = self._case(request, case_id, kind)
        own = access.marks_visible_to(user_of(request)).filter(reader=user_of(request), case=case)
        mark = get_or_not_found(own, kind=kind)
        marks.remove_mark(actor=user_of(request), mark=mark)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _case(self, request: Request, case_id: UUID, kind: str) -> Case:
        case = get_or_not_found(access.cases_open_to(user_of(request)), pk=case_id)
        if kind not in SETTABLE:
            raise NotFound
        return case


class ProjectMarksView(generics.ListAPIView[Any]):
    """All marks in a project, newest first, for supervisors."""

    serializer_class = MarkRowSerializer
    filterset_class = MarkFilter
    queryset = Mark.objects.none()
    hides_patient = False

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Mark.objects.none()
        user = user_of(self.request)
        project = access.project_for(user, self.kwargs["project_id"], access.REVIEWERS)
        options = projects.options_of(project)
        self.hides_patient = access.hides_patient_from(user, project, options)
        return selectors.find_marks(project)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "hides_patient": self.hides_patient}


class MarkView(APIView):
    """Any mark of a project: managers resolve it, or remove it and a skipped case is served again."""

    @extend_schema(request=MarkChange, responses=MarkSerializer)
    def patch(self, request: Request, mark_id: UUID) -> Response:
        mark = self._mark(request, mark_id)
        change = parsed(MarkChange, request)
        settled = marks.settle_mark(actor=user_of(request), mark=mark, **change)
        return Response(MarkSerializer(settled).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, mark_id: UUID) -> Response:
        marks.remove_mark(actor=user_of(request), mark=self._mark(request, mark_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _mark(self, request: Request, mark_id: UUID) -> Mark:
        visible = access.marks_visible_to(user_of(request))
        mark = get_or_not_found(visible.select_related("case__project", "reader"), pk=mark_id)
        access.require(user_of(request), mark.case.project, access.MANAGERS)
        return mark


class HandoverView(APIView):
    """A case for a certain reader: managers give it and take it back."""

    @extend_schema(request=None, responses=HandoverSerializer)
    def put(self, request: Request, case_id: UUID, user_id: UUID) -> Response:
        handover = handovers.give_case(
            actor=user_of(request), case=self._case(request, case_id), reader_id=user_id
        )
        return Response(HandoverSerializer(handover).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, case_id: UUID, user_id: UUID) -> Response:
        case = self._case(request, case_id)
        handover = get_or_not_found(case.handovers.select_related("case"), reader=user_id)
        handovers.withdraw_case(actor=user_of(request), handover=handover)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _case(self, request: Request, case_id: UUID) -> Case:
        visible = access.cases_visible_to(user_of(request)).select_related("project")
        case = get_or_not_found(visible, pk=case_id)
        access.require(user_of(request), case.project, access.MANAGERS)
        return case
