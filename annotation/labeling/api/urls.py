"""Routes of the labeling workflow, below /api/v1/."""

from django.urls import path

from annotation.labeling.api import clinical, comments, marks, masks, projects, reading, sources

urlpatterns = [
    path("projects", projects.ProjectsView.as_view(), name="projects"),
    path("projects/<uuid:project_id>", projects.ProjectView.as_view(), name="project"),
    path("projects/<uuid:project_id>/members", projects.MembersView.as_view(), name="members"),
    path(
        "projects/<uuid:project_id>/members/<uuid:user_id>",
        projects.MemberView.as_view(),
        name="member",
    ),
    path("projects/<uuid:project_id>/schemas", projects.SchemasView.as_view(), name="schemas"),
    path("projects/<uuid:project_id>/cases", projects.CasesView.as_view(), name="cases"),
    path(
        "projects/<uuid:project_id>/clinical-table",
        clinical.ClinicalTableView.as_view(),
        name="clinical-table",
    ),
    path("projects/<uuid:project_id>/progress", projects.ProgressView.as_view(), name="progress"),
    path(
        "projects/<uuid:project_id>/outgrown-reads/return",
        projects.OutgrownReadsView.as_view(),
        name="outgrown-reads-return",
    ),
    path("projects/<uuid:project_id>/claim", reading.ClaimView.as_view(), name="claim"),
    path("projects/<uuid:project_id>/upcoming", reading.UpcomingView.as_view(), name="upcoming"),
    path("projects/<uuid:project_id>/waiting", reading.WaitingView.as_view(), name="waiting"),
    path("projects/<uuid:project_id>/reviews", reading.ReviewQueueView.as_view(), name="reviews"),
    path("projects/<uuid:project_id>/sources", sources.SourcesView.as_view(), name="sources"),
    path(
        "projects/<uuid:project_id>/sources/<uuid:source_id>/studies",
        sources.SourceStudiesView.as_view(),
        name="source-studies",
    ),
    path(
        "projects/<uuid:project_id>/sources/<uuid:source_id>/studies/<str:study_uid>/series",
        sources.SourceSeriesView.as_view(),
        name="source-series",
    ),
    path(
        "projects/<uuid:project_id>/sources/<uuid:source_id>/studies/<str:study_uid>"
        "/series/<str:series_uid>/preview",
        sources.SourcePreviewView.as_view(),
        name="source-preview",
    ),
    path("projects/<uuid:project_id>/transfers", sources.TransfersView.as_view(), name="transfers"),
    path(
        "projects/<uuid:project_id>/transfers/<uuid:transfer_id>",
        sources.TransferView.as_view(),
        name="transfer",
    ),
    path(
        "projects/<uuid:project_id>/transfers/<uuid:transfer_id>/cancellation",
        sources.TransferCancellationView.as_view(),
        name="transfer-cancellation",
    ),
    path(
        "projects/<uuid:project_id>/transfers/<uuid:transfer_id>/resumption",
        sources.TransferResumptionView.as_view(),
        name="transfer-resumption",
    ),
    path("cases/<uuid:case_id>", reading.CaseView.as_view(), name="case"),
    path("cases/<uuid:case_id>/overview", reading.OverviewView.as_view(), name="overview"),
    path(
        "cases/<uuid:case_id>/handovers/<uuid:user_id>",
        marks.HandoverView.as_view(),
        name="handover",
    ),
    path("cases/<uuid:case_id>/comments", comments.CommentsView.as_view(), name="comments"),
    path("cases/<uuid:case_id>/suggestions", reading.SuggestionsView.as_view(), name="suggestions"),
    path(
        "cases/<uuid:case_id>/suggestions/<uuid:suggestion_id>/masks",
        masks.SuggestedMasksView.as_view(),
        name="suggested-masks",
    ),
    path("cases/<uuid:case_id>/marks", marks.CaseMarksView.as_view(), name="case-marks"),
    path("cases/<uuid:case_id>/marks/<str:kind>", marks.CaseMarkView.as_view(), name="case-mark"),
    path("projects/<uuid:project_id>/marks", marks.ProjectMarksView.as_view(), name="marks"),
    path("marks/<uuid:mark_id>", marks.MarkView.as_view(), name="mark"),
    path("comments/<uuid:comment_id>", comments.CommentView.as_view(), name="comment"),
    path("assignments/<uuid:assignment_id>", reading.AssignmentView.as_view(), name="assignment"),
    path("assignments/<uuid:assignment_id>/skip", marks.SkipView.as_view(), name="skip"),
    path(
        "assignments/<uuid:assignment_id>/heartbeat",
        reading.HeartbeatView.as_view(),
        name="heartbeat",
    ),
    path("annotations/<uuid:annotation_id>", reading.AnnotationView.as_view(), name="annotation"),
    path("annotations/<uuid:annotation_id>/draft", reading.DraftView.as_view(), name="draft"),
    path("annotations/<uuid:annotation_id>/masks", masks.MasksView.as_view(), name="masks"),
    path(
        "annotations/<uuid:annotation_id>/masks/nifti",
        masks.NiftiView.as_view(),
        name="masks-nifti",
    ),
    path(
        "annotations/<uuid:annotation_id>/submission",
        reading.SubmissionView.as_view(),
        name="submission",
    ),
    path(
        "annotations/<uuid:annotation_id>/reopening",
        reading.ReopeningView.as_view(),
        name="reopening",
    ),
    path(
        "annotations/<uuid:annotation_id>/revisions",
        reading.RevisionsView.as_view(),
        name="revisions",
    ),
    path("annotations/<uuid:annotation_id>/review", reading.ReviewsView.as_view(), name="review"),
]
