"""Routes of the two DICOMweb roots: /dicomweb and /dicomweb/projects/{id}."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import include, path, register_converter
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from annotation.dicomweb import qido, stow, wado
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


def get(view: View) -> View:
    """A route that only reads; `methods` lets the access test find what it must cover."""
    limited = require_http_methods(["GET", "HEAD"])(view)
    limited.methods = ("GET",)  # type: ignore[attr-defined]
    return limited


def by_method(*, GET: View, POST: View) -> View:  # noqa: N803  the methods' names
    """Dispatch GET and HEAD to one view and POST to another; the gate checks CSRF itself."""

    @csrf_exempt
    @require_http_methods(["GET", "HEAD", "POST"])
    def dispatch(request: HttpRequest, **uids: Any) -> HttpResponseBase:
        return (POST if request.method == "POST" else GET)(request, **uids)

    dispatch.methods = ("GET", "POST")  # type: ignore[attr-defined]
    return dispatch


resources = [
    path("studies", by_method(GET=qido.search_studies, POST=stow.store), name="studies"),
    path("series", get(qido.search_series), name="all-series"),
    path("instances", get(qido.search_instances), name="all-instances"),
    path(STUDY, by_method(GET=wado.retrieve_study, POST=stow.store), name="study"),
    path(f"{STUDY}/metadata", get(wado.study_metadata), name="study-metadata"),
    path(f"{STUDY}/series", get(qido.search_series), name="study-series"),
    path(f"{STUDY}/instances", get(qido.search_instances), name="study-instances"),
    path(SERIES, get(wado.retrieve_series), name="series"),
    path(f"{SERIES}/metadata", get(wado.series_metadata), name="series-metadata"),
    path(f"{SERIES}/instances", get(qido.search_instances), name="series-instances"),
    path(f"{SERIES}/thumbnail", get(wado.thumbnail), name="series-thumbnail"),
    path(INSTANCE, get(wado.retrieve_instance), name="instance"),
    path(f"{INSTANCE}/metadata", get(wado.instance_metadata), name="instance-metadata"),
    path(f"{INSTANCE}/rendered", get(wado.rendered), name="instance-rendered"),
    path(f"{INSTANCE}/thumbnail", get(wado.thumbnail), name="instance-thumbnail"),
    path(f"{INSTANCE}/bulkdata/<str:tag>", get(wado.bulkdata), name="bulkdata"),
    path(FRAMES, get(wado.frames), name="frames"),
    path(f"{FRAMES}/rendered", get(wado.rendered), name="frame-rendered"),
]
urlpatterns = [
    path("", include((resources, "dicomweb"))),
    path("projects/<uuid:project_id>/", include((resources, "dicomweb-project"))),
]
