"""Reads of studies of which more images came afterwards: what they say is of a part.

Their cases teach nothing, and are in no new dataset, until they have been read again.
"""

from uuid import UUID

from django.db.models import QuerySet

from annotation.archive import selectors as archive
from annotation.labeling.models import Annotation, AnnotationState, CaseState, Project


def find_outgrown_reads(project: Project) -> QuerySet[Annotation]:
    """The accepted reads of finished cases that are older than an image of their study."""
    accepted = Annotation.objects.filter(
        case__project=project, case__state=CaseState.DONE, state=AnnotationState.ACCEPTED
    )
    return accepted.filter(archive.has_more_images("case__study", since="submitted_at"))


def find_outgrown_cases(project: Project) -> QuerySet[Annotation, UUID]:
    """The ids of the finished cases with such a read."""
    return find_outgrown_reads(project).order_by().values_list("case_id", flat=True).distinct()
