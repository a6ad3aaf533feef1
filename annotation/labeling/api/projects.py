"""Projects, members, schema versions, cases and progress."""

from typing import Any
from uuid import UUID

from django.db.models import F
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.accounts.models import User
from annotation.core.errors import InvalidInput, NotAllowed, NotFound
from annotation.labeling import access, selectors
from annotation.labeling.api import serializers as shapes
from annotation.labeling.api.filters import CaseFilter
from annotation.labeling.models import Case, Project, Role
from annotation.labeling.services import projects
from annotation.labeling.services.outgrown import return_outgrown_reads


def parsed(shape: Any, request: Request) -> dict[str, Any]:
    """The validated body of a request."""
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    values: dict[str, Any] = body.validated_data
    return values


def project_body(user: Any, project: Project) -> dict[str, Any]:
    project.role = access.role_of(user, project)  # type: ignore[attr-defined]
    return dict(shapes.ProjectSerializer(project).data)


class ProjectsView(generics.ListAPIView[Any]):
    """My projects."""

    serializer_class = shapes.ProjectSerializer
    queryset = Project.objects.none()

    def get_queryset(self) -> Any:
        visible = access.projects_visible_to(self.request.user)
        return visible.annotate(role=F("memberships__role")).order_by("name")

    @extend_schema(request=shapes.NewProjectRequest, responses={201: shapes.ProjectSerializer})
    def post(self, request: Request) -> Response:
        if not user_of(request).may_create_projects:
            raise NotAllowed("Only staff may create projects.")
        project = projects.create_project(
            actor=user_of(request), **parsed(shapes.NewProjectRequest, request)
        )
        return Response(project_body(user_of(request), project), status=status.HTTP_201_CREATED)


class ProjectView(APIView):
    """One project and its settings."""

    @extend_schema(responses=shapes.ProjectSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        return Response(
            project_body(user_of(request), access.project_for(user_of(request), project_id))
        )

    @extend_schema(request=shapes.ProjectSettingsRequest, responses=shapes.ProjectSerializer)
    def patch(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        changes = parsed(shapes.ProjectSettingsRequest, request)
        changed = projects.change_settings(actor=user_of(request), project=project, **changes)
        return Response(project_body(user_of(request), changed))


class MembersView(APIView):
    """Who takes part in a project."""

    @extend_schema(responses=shapes.MemberSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        members = project.memberships.select_related("user").order_by("user__username")
        return Response(shapes.MemberSerializer(members, many=True).data)

    @extend_schema(request=shapes.MemberRequest, responses=shapes.MemberSerializer)
    def put(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        body = parsed(shapes.MemberRequest, request)
        user = User.objects.filter(username__iexact=body["username"]).first()
        if user is None:
            raise InvalidInput("There is no user of this name.", field="username")
        membership = projects.set_member(
            actor=user_of(request), project=project, user=user, role=Role(body["role"])
        )
        return Response(shapes.MemberSerializer(membership).data)


class MemberView(APIView):
    """One member of a project."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project_id: UUID, user_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        if not projects.remove_member(actor=user_of(request), project=project, user_id=user_id):
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class SchemasView(APIView):
    """The versions of a project's questions, newest first."""

    @extend_schema(responses=shapes.SchemaSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id)
        versions = project.schemas.order_by("-version")
        return Response(shapes.SchemaSerializer(versions, many=True).data)

    @extend_schema(request=shapes.NewSchemaRequest, responses={201: shapes.SchemaSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.MANAGERS)
        schema = projects.publish_schema(
            actor=user_of(request),
            project=project,
            definition=parsed(shapes.NewSchemaRequest, request)["definition"],
        )
        return Response(shapes.SchemaSerializer(schema).data, status=status.HTTP_201_CREATED)


class CasesView(generics.ListAPIView[Any]):
    """The project's cases in worklist order, for supervisors."""

    serializer_class = shapes.CaseRowSerializer
    filterset_class = CaseFilter
    queryset = Case.objects.none()
    hides_patient = False

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Case.objects.none()
        user = self.request.user
        project = access.project_for(user, self.kwargs["project_id"], access.REVIEWERS)
        options = projects.options_of(project)
        self.hides_patient = access.hides_patient_from(user, project, options)
        if self.hides_patient and "patient_id" in self.request.query_params:
            raise NotAllowed("The project hides who the patients are.")
        return selectors.find_cases(project)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "hides_patient": self.hides_patient}


class ProgressView(APIView):
    """Where the project stands."""

    @extend_schema(responses=shapes.ProgressSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id, access.REVIEWERS)
        return Response(shapes.ProgressSerializer(selectors.progress_of(project)).data)


class OutgrownReadsView(APIView):
    """Reads of finished cases of which more images have come since."""

    @extend_schema(request=None, responses=shapes.ReturnedReadsSerializer)
    def post(self, request: Request, project_id: UUID) -> Response:
        """Give them back to their readers."""
        user = user_of(request)
        project = access.project_for(user, project_id, access.MANAGERS)
        returned = return_outgrown_reads(actor=user, project=project)
        return Response(shapes.ReturnedReadsSerializer({"returned": returned}).data)
