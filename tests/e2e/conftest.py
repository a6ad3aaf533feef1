"""One server and one browser for all tests of a session."""

import pytest

from tests.e2e import browser


@pytest.fixture(scope="session", autouse=True)
def _session(django_db_setup):
    """Playwright's loop runs in this thread; it is only waited for, never awaited beside a query."""
    with pytest.MonkeyPatch.context() as patch, browser.session():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield
