"""All routes: the API, DICOMweb, sign-in, health, and the single page that shows them."""

from allauth.headless.account.views import LoginView, SessionView
from allauth.headless.constants import Client
from django.urls import URLPattern, URLResolver, include, path, re_path

from annotation.accounts import api as accounts
from config import pages

api: list[URLPattern | URLResolver] = [
    path("me", accounts.MeView.as_view(), name="me"),
    path("me/password", accounts.PasswordView.as_view(), name="password"),
    path("me/preferences", accounts.PreferencesView.as_view(), name="preferences"),
    path("tokens", accounts.TokensView.as_view(), name="tokens"),
    path("tokens/<str:token_key>", accounts.TokenView.as_view(), name="token"),
    path("", include("annotation.labeling.api.urls")),
    path("", include("annotation.datasets.api.urls")),
    path("", include("learning.api.urls")),
]
# Of allauth's doors those of the sign-in page alone: it has others to accounts, passwords and mail, which
# this project's own rules (audit, throttle, closed registration) do not watch.
sign_in = [
    path("login", LoginView.as_api_view(client=Client.BROWSER), name="sign_in"),
    path("session", SessionView.as_api_view(client=Client.BROWSER), name="session"),
]
urlpatterns = [
    path("api/v1/", include((api, "api"))),
    path("dicomweb/", include("annotation.dicomweb.urls")),
    path("_allauth/browser/v1/auth/", include(sign_in)),
    path("healthz", pages.health, name="health"),
    re_path(r"^(?!api/|dicomweb/|_allauth/|assets/|static/).*$", pages.index, name="index"),
]
