"""Remarks on a case."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.core.errors import get_or_not_found
from annotation.labeling import access
from annotation.labeling.api.projects import parsed
from annotation.labeling.models import Comment
from annotation.labeling.schemas.raw import is_number, is_uid
from annotation.labeling.schemas.regions import MAX_COORDINATE, MAX_FRAME
from annotation.labeling.services import comments

Plain = serializers.Serializer[Any]


class PlaceSerializer(Plain):
    """A pixel of a frame; 0, 0 is the centre of the first one."""

    sop_instance_uid = serializers.CharField(max_length=64)
    frame = serializers.IntegerField(min_value=1, max_value=MAX_FRAME)
    pixel = serializers.ListField(
        child=serializers.FloatField(min_value=-MAX_COORDINATE, max_value=MAX_COORDINATE),
        min_length=2,
        max_length=2,
    )

    def validate_sop_instance_uid(self, uid: str) -> str:
        if not is_uid(uid):
            raise serializers.ValidationError("This is no UID.")
        return uid

    def validate_pixel(self, pixel: list[float]) -> list[float]:
        if not all(map(is_number, pixel)):  # the text "nan" passes as a float within any range
            raise serializers.ValidationError("These are no numbers.")
        return pixel


class CommentSerializer(Plain):
    id = serializers.UUIDField()
    author = serializers.UUIDField(source="author_id")
    author_name = serializers.SerializerMethodField()
    text = serializers.CharField()
    place = PlaceSerializer(allow_null=True)
    is_resolved = serializers.BooleanField()
    created_at = serializers.DateTimeField()

    def get_author_name(self, comment: Comment) -> str:
        return comment.author.get_full_name() or comment.author.username


class NewCommentRequest(Plain):
    text = serializers.CharField(max_length=4000)
    place = PlaceSerializer(allow_null=True, default=None)


class CommentChangeRequest(Plain):
    text = serializers.CharField(max_length=4000, required=False)
    is_resolved = serializers.BooleanField(required=False)


class CommentsView(APIView):
    """What is said about a case, oldest first; annotators do not see one another's."""

    @extend_schema(responses=CommentSerializer(many=True))
    def get(self, request: Request, case_id: UUID) -> Response:
        case = get_or_not_found(access.cases_open_to(user_of(request)), pk=case_id)
        visible = access.comments_visible_to(user_of(request)).filter(case=case)
        found = visible.select_related("author").order_by("created_at")
        return Response(CommentSerializer(found, many=True).data)

    @extend_schema(request=NewCommentRequest, responses={201: CommentSerializer})
    def post(self, request: Request, case_id: UUID) -> Response:
        case = get_or_not_found(access.cases_open_to(user_of(request)), pk=case_id)
        comment = comments.write_comment(
            author=user_of(request), case=case, **parsed(NewCommentRequest, request)
        )
        return Response(CommentSerializer(comment).data, status=status.HTTP_201_CREATED)


class CommentView(APIView):
    """One remark, which its author may change."""

    @extend_schema(request=CommentChangeRequest, responses=CommentSerializer)
    def patch(self, request: Request, comment_id: UUID) -> Response:
        changed = comments.change_comment(
            actor=user_of(request),
            comment=self._visible(request, comment_id),
            **parsed(CommentChangeRequest, request),
        )
        return Response(CommentSerializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, comment_id: UUID) -> Response:
        comment = self._visible(request, comment_id)
        comments.delete_comment(actor=user_of(request), comment=comment)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _visible(self, request: Request, comment_id: UUID) -> Comment:
        visible = access.comments_visible_to(user_of(request)).select_related("author", "case")
        return get_or_not_found(visible, pk=comment_id)
