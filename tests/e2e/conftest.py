"""One server and one browser for all tests of a session."""

import pytest
from django.db import connection

from tests import servers
from tests.e2e import browser

OTHERS_AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
"""


@pytest.fixture(scope="session", autouse=True)
def _session(django_db_setup):
    """Playwright's loop runs in this thread; it is only waited for, never awaited beside a query."""
    with pytest.MonkeyPatch.context() as patch, browser.session():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(autouse=True)
def _all_answered(request):
    """Nobody is at the database when it is emptied: an answer may outlive the page that asked for it."""
    is_emptied = "transactional_db" in request.fixturenames
    if is_emptied:
        request.getfixturevalue("transactional_db")
    yield
    if is_emptied:
        servers.eventually(_nobody_is_at_work, "all requests are answered", 20)


def _nobody_is_at_work():
    with connection.cursor() as cursor:
        cursor.execute(OTHERS_AT_WORK)
        return cursor.fetchone()[0] == 0
