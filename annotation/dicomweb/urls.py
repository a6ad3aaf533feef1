"""Routes of the two DICOMweb roots: /dicomweb and /dicomweb/projects/{id}."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import include, path, register_converter
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from annotation.dicomweb import capabilities, deletion, pictures, qido, stow, wado, wado_uri
from annotation.dicomweb.gate import View


class UidConverter:
    """A DICOM UID: digits and dots, at most 64 characters."""

    regex = r"[0-9.]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(UidConverter, "uid")

STUDY = "studies/<uid:study_uid>"
SERIES = f"{STUDY}/series/<uid:series_uid>"
INSTANCE = f"{SERIES}/instances/<uid:instance_uid>"
FRAMES = f"{INSTANCE}/frames/<str:numbers>"


def by_method(**views: View) -> View:
    """Dispatch by method, HEAD like GET; the gate checks CSRF itself.

    `methods` lets the access test find what it must cover.
    """

    @csrf_exempt
    @require_http_methods([*views, *(["HEAD"] if "GET" in views else [])])
    def dispatch(request: HttpRequest, **uids: Any) -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else str(request.method)
        return views[method](request, **uids)

    dispatch.methods = tuple(views)  # type: ignore[attr-defined]
    return dispatch


def get(view: View) -> View:
    """A route that only reads."""
    return by_method(GET=view)


resources = [
    path("studies", by_method(GET=qido.search_studies, POST=stow.store)),
    path("series", get(qido.search_series)),
    path("instances", get(qido.search_instances)),
    path(
        STUDY,
        by_method(GET=wado.retrieve_study, POST=stow.store, DELETE=deletion.delete_study),
    ),
    path(f"{STUDY}/metadata", get(wado.study_metadata)),
    path(f"{STUDY}/rendered", get(pictures.rendered_many)),
    path(f"{STUDY}/thumbnail", get(pictures.thumbnail)),
    path(f"{STUDY}/series", get(qido.search_series)),
    path(f"{STUDY}/instances", get(qido.search_instances)),
    path(SERIES, by_method(GET=wado.retrieve_series, DELETE=deletion.delete_series)),
    path(f"{SERIES}/metadata", get(wado.series_metadata)),
    path(f"{SERIES}/rendered", get(pictures.rendered_many)),
    path(f"{SERIES}/thumbnail", get(pictures.thumbnail)),
    path(f"{SERIES}/instances", get(qido.search_instances)),
    path(INSTANCE, by_method(GET=wado.retrieve_instance, DELETE=deletion.delete_instance)),
    path(f"{INSTANCE}/metadata", get(wado.instance_metadata)),
    path(f"{INSTANCE}/rendered", get(pictures.rendered)),
    path(f"{INSTANCE}/thumbnail", get(pictures.thumbnail)),
    path(f"{INSTANCE}/bulkdata/<str:tag>", get(wado.bulkdata)),
    path(FRAMES, get(wado.retrieve_frames)),
    path(f"{FRAMES}/rendered", get(pictures.rendered)),
    path(f"{FRAMES}/thumbnail", get(pictures.thumbnail)),
    path("wado", get(wado_uri.retrieve)),
]
resources.append(path("", by_method(OPTIONS=capabilities.describe(lambda: resources))))
urlpatterns = [
    path("", include((resources, "dicomweb"))),
    path("projects/<uuid:project_id>/", include((resources, "dicomweb-project"))),
]
