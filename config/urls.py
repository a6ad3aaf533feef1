"""All routes: the API, DICOMweb, sign-in, health, and the single page that shows them."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from annotation.accounts import api as accounts
from config import pages

api: list[URLPattern | URLResolver] = [
    path("me", accounts.MeView.as_view(), name="me"),
    path("me/preferences", accounts.PreferencesView.as_view(), name="preferences"),
    path("tokens", accounts.TokensView.as_view(), name="tokens"),
    path("tokens/<str:token_key>", accounts.TokenView.as_view(), name="token"),
    path("", include("annotation.labeling.api.urls")),
    path("", include("annotation.datasets.api.urls")),
    path("", include("learning.api.urls")),
]
urlpatterns = [
    path("api/v1/", include((api, "api"))),
    path("dicomweb/", include("annotation.dicomweb.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("healthz", pages.health, name="health"),
    re_path(r"^(?!api/|dicomweb/|_allauth/|assets/|static/).*$", pages.index, name="index"),
]
