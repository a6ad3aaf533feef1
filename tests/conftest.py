"""The cast that every permission test needs, and the project they act in."""

from dataclasses import dataclass

import hypothesis
import pytest
from django.test import TransactionTestCase
from rest_framework.test import APIClient

from annotation.accounts.models import User
from annotation.labeling.models import Project, Role
from annotation.labeling.services.projects import set_member
from tests import emptying, factories

# How long an example takes says nothing on a machine that is shared.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

TransactionTestCase._fixture_teardown = emptying.empty_database


@dataclass(frozen=True)
class Cast:
    """One person per role; the outsider manages another project."""

    manager: User
    reviewer: User
    annotator: User
    annotator2: User
    outsider: User
    project: Project
    foreign_project: Project


@pytest.fixture(autouse=True)
def order_of_the_ranking(settings):
    """One claim in ten would be drawn at random; the tests of that ask for it."""
    settings.LEAST_AUDIT_PERCENT = 0


@pytest.fixture(autouse=True)
def nothing_is_waited_for(settings):
    """What a test has stored is whole."""
    settings.STUDY_QUIET_SECONDS = 0


@pytest.fixture
def cast(db) -> Cast:
    return make_cast()


@pytest.fixture
def live_cast(transactional_db) -> Cast:
    """The cast in committed rows, for tests with threads or other processes."""
    return make_cast()


def make_cast() -> Cast:
    people = {name: factories.make_user(name) for name in
              ("manager", "reviewer", "annotator", "annotator2", "outsider")}  # fmt: skip
    project = factories.make_project(people["manager"], "Chest")
    for name, role in (("reviewer", Role.REVIEWER), ("annotator", Role.ANNOTATOR),
                       ("annotator2", Role.ANNOTATOR)):  # fmt: skip
        set_member(actor=people["manager"], project=project, user=people[name], role=role)
    foreign = factories.make_project(people["outsider"], "Elsewhere")
    return Cast(**people, project=project, foreign_project=foreign)


@pytest.fixture
def client_of():
    """`client_of(user)` is a signed-in API client; None is an anonymous one."""

    def make(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_login(user)
        return client

    return make
