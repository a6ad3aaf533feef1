"""Claiming, reading, autosaving, submitting, reopening and reviewing."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
from django.db import DatabaseError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.authentication import user_of
from annotation.accounts.models import User
from annotation.archive import selectors as archive
from annotation.core.errors import (
    DomainError,
    FirstImpressionMissing,
    InvalidInput,
    PreconditionRequired,
    get_or_not_found,
)
from annotation.labeling import access, selectors, worklist
from annotation.labeling.api import serializers as shapes
from annotation.labeling.api.projects import parsed
from annotation.labeling.models import (
    Annotation,
    Assignment,
    Case,
    Project,
    Selection,
    Suggestion,
    Verdict,
)
from annotation.labeling.services import claiming, projects, reading, suggestions

logger = logging.getLogger(__name__)

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True,
    description='The version that the change builds on, or that was looked at, quoted: "3".',
)  # fmt: skip


def version_of(request: Request) -> int:
    """The version in If-Match. Raises PreconditionRequired or InvalidInput."""
    raw = request.headers.get("If-Match")
    if raw is None:
        raise PreconditionRequired("Send If-Match with the version that you change.")
    try:
        return int(raw.strip().strip('"'))
    except ValueError:
        raise InvalidInput("If-Match must be a version number.", field="If-Match") from None


def annotation_response(annotation: Annotation) -> Response:
    body = shapes.AnnotationSerializer(annotation).data
    return Response(body, headers={"ETag": f'"{annotation.draft_version}"'})


def reading_body(
    user: User, case: Case, annotation: Annotation, assignment: Assignment | None
) -> Any:
    verdicts = annotation.revisions.values_list("reviews__verdict", "reviews__comment")
    verdict, comment = verdicts.order_by("-number").first() or ("", "")
    is_returned = verdict == Verdict.RETURN
    options = projects.options_of(case.project)
    hides_patient = access.hides_patient_from(user, case.project, options)
    study_revision = archive.revision_of(case.study_id)  # first: what comes meanwhile is news then
    studies = [case.study, *selectors.find_priors(case)]
    study, *priors = selectors.describe_studies(studies, hides_patient=hides_patient)
    is_revealed = suggestions.are_revealed(options=options, annotation=annotation)
    served = (
        assignment
        or case.assignments.filter(reader=annotation.reader_id).order_by("created_at").last()
    )
    # Why the case comes now tells what the model thinks of it; that it was drawn at random does not.
    tells = served is not None and served.selection != Selection.CONTROL
    is_blind = not is_revealed and (
        options.suggestions == "after_first_impression" or suggestions.is_withheld(annotation)
    )
    told = None if tells and is_blind else served
    revealed = selectors.find_suggestions(case) if is_revealed else ()
    return shapes.ReadingSerializer(
        {
            "case_id": case.pk,
            "priority_reason": told.reason if told else "",
            "priority_words": told.reason_words if told else {},
            "study": study,
            "study_revision": study_revision,
            "priors": priors,
            "options": options,
            "suggestions": suggestions.fitting_suggestions(annotation, revealed),
            "assignment": assignment,
            "annotation": annotation,
            "is_returned": is_returned,
            "review_comment": comment if is_returned else "",
        }
    ).data


def upcoming_body(user: User, case: Case) -> Any:
    """A case that nobody has claimed, with what its read would be hung by."""
    options = projects.options_of(case.project)
    study, *priors = selectors.describe_studies(
        [case.study, *selectors.find_priors(case)],
        hides_patient=access.hides_patient_from(user, case.project, options),
    )
    schema = selectors.find_schema(reader=user, case=case)
    hanging = [rule.as_json() for rule in schema.schema.hanging] if schema else []
    return {"case_id": case.pk, "study": study, "priors": priors, "hanging": hanging}


def revealed_suggestions(
    user: User,
    case_id: UUID,
    find: Callable[[Case], QuerySet[Suggestion]] = selectors.find_suggestions,
) -> tuple[Annotation, QuerySet[Suggestion]]:
    """A reader's read of a case, and what models say of it; nothing where the project wants nothing.

    Raises NotFound for anybody else, FirstImpressionMissing before the first impression.
    """
    visible = access.cases_visible_to(user).select_related("project")
    case = get_or_not_found(visible, pk=case_id)
    annotation = get_or_not_found(Annotation.objects.filter(reader=user), case=case)
    options = projects.options_of(case.project)
    if options.suggestions == "off" or suggestions.is_withheld(annotation):
        return annotation, Suggestion.objects.none()
    if not suggestions.are_revealed(options=options, annotation=annotation):
        raise FirstImpressionMissing("Commit your first impression to see suggestions.")
    return annotation, find(case)


def claimed_reading(user: User, project: Project) -> Any:
    """The body of the next case of the worklist, now leased to `user`; None when there is none."""
    assignment = claiming.claim_next(reader=user, project=project, rng=np.random.default_rng())
    if assignment is None:
        return None
    case = Case.objects.select_related("study", "project").get(pk=assignment.case_id)
    annotation = reading.open_annotation(reader=user, case=case)
    return reading_body(user, case, annotation, assignment)


def following_reading(user: User, project: Project) -> Any:
    """What `claimed_reading` gives, or None where it fails: the read before was handed in all the same."""
    try:
        return claimed_reading(user, project)
    except (DatabaseError, DomainError):
        logger.exception("No case could be claimed along with a submission to %s.", project.pk)
        return None


class ClaimView(APIView):
    """Take the next case of the worklist (or go on with the one that is leased)."""

    @extend_schema(request=None, responses={200: shapes.ReadingSerializer, 204: None})
    def post(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id)
        body = claimed_reading(user_of(request), project)
        return Response(body, status=status.HTTP_204_NO_CONTENT if body is None else 200)


class UpcomingView(APIView):
    """The studies that come next by rank, without claiming them: the viewer prefetches them."""

    @extend_schema(responses=shapes.UpcomingSerializer(many=True))
    def get(self, request: Request, project_id: UUID) -> Response:
        project = access.project_for(user_of(request), project_id)
        upcoming = worklist.find_upcoming(reader=user_of(request), project=project, count=2)
        body = [upcoming_body(user_of(request), case) for case in upcoming]
        return Response(shapes.UpcomingSerializer(body, many=True).data)


class WaitingView(APIView):
    """Whether there is something to read again, for a page whose worklist was empty."""

    @extend_schema(responses=shapes.WaitingSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        user = user_of(request)
        project = access.project_for(user, project_id)
        body = {
            "has_more": bool(worklist.find_upcoming(reader=user, project=project, count=1)),
            "arriving": worklist.count_arriving(reader=user, project=project),
            "quiet_seconds": archive.quiet_time().total_seconds(),
        }
        return Response(shapes.WaitingSerializer(body).data)


class CaseView(APIView):
    """One case with my own read of it, without taking a lease."""

    @extend_schema(responses=shapes.ReadingSerializer)
    def get(self, request: Request, case_id: UUID) -> Response:
        visible = access.cases_visible_to(user_of(request)).select_related("study", "project")
        case = get_or_not_found(visible, pk=case_id)
        annotation = get_or_not_found(Annotation.objects.filter(reader=user_of(request)), case=case)
        return Response(reading_body(user_of(request), case, annotation, None))


class OverviewView(APIView):
    """One case with everybody's read of it, for reviewers and managers."""

    @extend_schema(responses=shapes.OverviewSerializer)
    def get(self, request: Request, case_id: UUID) -> Response:
        user = user_of(request)
        visible = access.cases_visible_to(user).select_related("study", "project")
        case = get_or_not_found(visible, pk=case_id)
        access.require(user, case.project, access.REVIEWERS)
        options = projects.options_of(case.project)
        study, *priors = selectors.describe_studies(
            [case.study, *selectors.find_priors(case)],
            hides_patient=access.hides_patient_from(user, case.project, options),
        )
        body = {
            "case_id": case.pk, "state": case.state, "study": study, "priors": priors,
            "options": options, "schema": projects.current_schema(case.project),
            "reads": selectors.find_reads(case),
        }  # fmt: skip
        return Response(shapes.OverviewSerializer(body).data)


class SuggestionsView(APIView):
    """What models say of a case that I read, once I may know it."""

    @extend_schema(responses=shapes.SuggestionSerializer(many=True))
    def get(self, request: Request, case_id: UUID) -> Response:
        annotation, revealed = revealed_suggestions(user_of(request), case_id)
        found = suggestions.fitting_suggestions(annotation, revealed)
        return Response(shapes.SuggestionSerializer(found, many=True).data)


class AssignmentView(APIView):
    """Give a case back."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, assignment_id: UUID) -> Response:
        assignment = get_or_not_found(
            access.assignments_visible_to(user_of(request)), pk=assignment_id
        )
        claiming.release(assignment=assignment)
        return Response(status=status.HTTP_204_NO_CONTENT)


class HeartbeatView(APIView):
    """Keep the lease, or take it again where it lapsed and the case is free, and count active time."""

    @extend_schema(request=shapes.HeartbeatRequest, responses=shapes.AssignmentSerializer)
    def post(self, request: Request, assignment_id: UUID) -> Response:
        visible = access.assignments_visible_to(user_of(request)).select_related("project")
        assignment = claiming.heartbeat(
            assignment=get_or_not_found(visible, pk=assignment_id),
            **parsed(shapes.HeartbeatRequest, request),
        )
        return Response(shapes.AssignmentSerializer(assignment).data)


class AnnotationView(APIView):
    """One read."""

    @extend_schema(responses=shapes.AnnotationSerializer)
    def get(self, request: Request, annotation_id: UUID) -> Response:
        visible = access.annotations_visible_to(user_of(request)).select_related("schema", "reader")
        return annotation_response(get_or_not_found(visible, pk=annotation_id))


class OwnAnnotationView(APIView):
    """The base of what only the reader may do to a read."""

    def own(self, request: Request, annotation_id: UUID) -> Annotation:
        visible = access.annotations_visible_to(user_of(request)).filter(reader=user_of(request))
        related = visible.select_related("schema", "reader", "case__project")
        return get_or_not_found(related, pk=annotation_id)


class DraftView(OwnAnnotationView):
    """Autosave with optimistic locking: 412 with the newer draft where somebody was faster."""

    @extend_schema(
        request=shapes.DraftRequest, responses=shapes.AnnotationSerializer, parameters=[IF_MATCH]
    )
    def put(self, request: Request, annotation_id: UUID) -> Response:
        annotation = self.own(request, annotation_id)
        content = parsed(shapes.DraftRequest, request)["content"]
        saved = reading.save_draft(
            annotation=annotation, content=content, version=version_of(request)
        )
        return annotation_response(saved)


class SubmissionView(OwnAnnotationView):
    """Hand the read in, and take the next case of the worklist in the same request."""

    @extend_schema(
        request=shapes.SubmissionRequest,
        responses={201: shapes.SubmittedSerializer},
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, annotation_id: UUID) -> Response:
        user, annotation = user_of(request), self.own(request, annotation_id)
        wanted = parsed(shapes.SubmissionRequest, request)
        takes_next = wanted.pop("take_next")
        revision = reading.submit(
            actor=user, annotation=annotation, version=version_of(request), **wanted
        )
        following = following_reading(user, annotation.case.project) if takes_next else None
        body = {**shapes.RevisionSerializer(revision).data, "next": following}
        return Response(body, status=status.HTTP_201_CREATED)


class ReopeningView(OwnAnnotationView):
    """Undo a submission."""

    @extend_schema(request=None, responses=shapes.ReadingSerializer)
    def post(self, request: Request, annotation_id: UUID) -> Response:
        own = self.own(request, annotation_id)
        annotation = reading.reopen(actor=user_of(request), annotation=own)
        case = Case.objects.select_related("study", "project").get(pk=annotation.case_id)
        assignment = case.assignments.filter(reader=user_of(request), state="active").first()
        return Response(reading_body(user_of(request), case, annotation, assignment))


class RevisionsView(APIView):
    """The history of one read, oldest first."""

    @extend_schema(responses=shapes.RevisionSerializer(many=True))
    def get(self, request: Request, annotation_id: UUID) -> Response:
        annotation = get_or_not_found(
            access.annotations_visible_to(user_of(request)), pk=annotation_id
        )
        revisions = annotation.revisions.order_by("number")
        return Response(shapes.RevisionSerializer(revisions, many=True).data)


class ReviewQueueView(generics.ListAPIView[Any]):
    """Reads of others that wait for a reviewer."""

    serializer_class = shapes.AnnotationSerializer
    filter_backends = []
    queryset = Annotation.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Annotation.objects.none()
        project = access.project_for(self.request.user, self.kwargs["project_id"], access.REVIEWERS)
        return selectors.find_review_queue(project).exclude(reader=user_of(self.request))


class ReviewsView(APIView):
    """Approve a read or return it to its reader: 412 where another version has been handed in since."""

    @extend_schema(
        request=shapes.ReviewRequest,
        responses={201: shapes.ReviewSerializer},
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, annotation_id: UUID) -> Response:
        visible = access.annotations_visible_to(user_of(request)).select_related("case__project")
        annotation = get_or_not_found(visible, pk=annotation_id)
        access.require(user_of(request), annotation.case.project, access.REVIEWERS)
        body = parsed(shapes.ReviewRequest, request)
        review = reading.review(
            reviewer=user_of(request),
            annotation=annotation,
            version=version_of(request),
            verdict=Verdict(body["verdict"]),
            comment=body["comment"],
        )
        return Response(shapes.ReviewSerializer(review).data, status=status.HTTP_201_CREATED)
