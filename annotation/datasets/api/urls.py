"""Routes of datasets, below /api/v1/."""

from django.urls import path

from annotation.datasets.api import items, views

urlpatterns = [
    path("projects/<uuid:project_id>/datasets", views.DatasetsView.as_view(), name="datasets"),
    path("datasets/<uuid:dataset_id>", views.DatasetView.as_view(), name="dataset"),
    path("datasets/<uuid:dataset_id>/items", items.ItemsView.as_view(), name="dataset-items"),
    path(
        "datasets/<uuid:dataset_id>/items/<uuid:case_id>",
        items.ItemView.as_view(),
        name="dataset-item",
    ),
    path(
        "datasets/<uuid:dataset_id>/items/<uuid:case_id>/instances",
        items.ItemInstancesView.as_view(),
        name="dataset-item-instances",
    ),
    path("datasets/<uuid:dataset_id>/exports", views.ExportsView.as_view(), name="exports"),
    path("exports/<uuid:export_id>", views.ExportView.as_view(), name="export"),
    path("exports/<uuid:export_id>/file", views.ExportFileView.as_view(), name="export-file"),
]
