"""What DICOMweb tests share: one real server, and people signed in to it."""

import pytest
import requests  # noqa: TID251  the far end of the wire: what clients really send

from annotation.accounts.services import create_token
from tests import servers
from tests.dicomweb.wire import Root


@pytest.fixture(scope="session")
def server(django_db_setup):
    """granian as in production, for all tests of this folder; yields its address."""
    with servers.web_server(CORS_ALLOWED_ORIGINS="https://viewer.example") as address:
        yield address


@pytest.fixture
def session_of():
    """`session_of(user)` sends that user's fresh personal token."""

    def make(user):
        _, secret = create_token(user=user, lifetime_days=1)
        session = requests.Session()
        session.headers["Authorization"] = f"Token {secret}"
        return session

    return make


@pytest.fixture
def root(server, live_cast, session_of):
    """The project's root on the real server, as its manager."""
    url = f"{server}/dicomweb/projects/{live_cast.project.pk}"
    return Root(url, session_of(live_cast.manager))


@pytest.fixture
def here(cast, client_of):
    """The project's root in this process, as its manager."""
    return Root(f"/dicomweb/projects/{cast.project.pk}", client_of(cast.manager))
