"""The tables of the labeling workflow."""

from annotation.labeling.models.annotations import (
    Annotation,
    AnnotationState,
    Review,
    Revision,
    Verdict,
)
from annotation.labeling.models.asked import AskedSlices
from annotation.labeling.models.cases import (
    Assignment,
    AssignmentState,
    Case,
    CaseState,
    Selection,
)
from annotation.labeling.models.clinical import ClinicalRow, ClinicalTable, Identifier
from annotation.labeling.models.comments import Comment
from annotation.labeling.models.handovers import Handover
from annotation.labeling.models.marks import Mark, MarkKind
from annotation.labeling.models.projects import LabelSchema, Membership, Project, Role
from annotation.labeling.models.sources import Direction, SignIn, Source, Transfer
from annotation.labeling.models.suggestions import Suggestion

__all__ = [
    "Annotation",
    "AnnotationState",
    "AskedSlices",
    "Assignment",
    "AssignmentState",
    "Case",
    "CaseState",
    "ClinicalRow",
    "ClinicalTable",
    "Comment",
    "Direction",
    "Handover",
    "Identifier",
    "LabelSchema",
    "Mark",
    "MarkKind",
    "Membership",
    "Project",
    "Review",
    "Revision",
    "Role",
    "Selection",
    "SignIn",
    "Source",
    "Suggestion",
    "Transfer",
    "Verdict",
]
