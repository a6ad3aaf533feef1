"""Who may see datasets and their exports: supervisors look, managers take away."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from annotation.core.errors import get_or_not_found
from annotation.datasets.models import Dataset, Export
from annotation.labeling import access
from annotation.labeling.models import Role


def datasets_visible_to(user: Any) -> QuerySet[Dataset]:
    """Datasets are the managers' and reviewers' view of the truth; annotators read blind."""
    projects = access.projects_supervised_by(user)
    return Dataset.objects.filter(project__in=projects)


def dataset_for(user: Any, dataset_id: UUID, roles: tuple[Role, ...] = access.REVIEWERS) -> Dataset:
    """The dataset: NotFound for who may not see it, NotAllowed for supervisors of another role."""
    visible = datasets_visible_to(user).select_related("project", "schema")
    dataset = get_or_not_found(visible, pk=dataset_id)
    access.require(user, dataset.project, roles)
    return dataset


def export_for_manager(user: Any, export_id: UUID) -> Export:
    visible = Export.objects.filter(dataset__in=datasets_visible_to(user))
    export = get_or_not_found(visible.select_related("dataset__project"), pk=export_id)
    access.require(user, export.dataset.project, access.MANAGERS)
    return export
