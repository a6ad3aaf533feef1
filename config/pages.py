"""The page that loads the frontend, and the health check."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

NOT_BUILT = "The frontend has not been built: run `make frontend`."


@require_GET
@ensure_csrf_cookie
def index(request: HttpRequest) -> HttpResponse:
    """index.html for every address that the frontend routes itself."""
    del request
    try:
        page = (settings.FRONTEND_DIST / "index.html").read_bytes()
    except OSError:
        return HttpResponse(NOT_BUILT, status=503, content_type="text/plain")
    return HttpResponse(page, headers={"Cache-Control": "no-cache"})


@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """200 while the database answers; says nothing else."""
    del request
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return JsonResponse({"status": "ok"})
