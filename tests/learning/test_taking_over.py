"""A model that a person promotes is in production at once; a task hands its word to the readers."""

import threading

import pytest
from django.db import connection, transaction

from annotation.core.errors import Conflict
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Suggestion
from learning import tasks
from learning.models import ModelVersion, ModelVersionState
from learning.services import model_versions
from learning.services.locking import lock_versions
from tests import factories
from tests.learning.test_ordering import make_target, make_version, numbered, order_of


@pytest.fixture
def versions(cast):
    """Two that have looked at three open cases and put them in opposite orders."""
    made = factories.make_cases(cast.project, 3)
    prescribe_splits(
        project=cast.project, split_of_patient={case.study.patient_id: Split.TRAIN for case in made}
    )
    cases, target = numbered(cast.project, made), make_target(cast)
    return [make_version(target, cases, scores) for scores in ([3, 2, 1], [1, 2, 3])]


def sources():
    return set(Suggestion.objects.filter(is_current=True).values_list("source", flat=True))


def promote_over_http(client, version):
    answer = client.post(f"/api/v1/model-versions/{version.pk}/promotion")
    assert answer.status_code == 200
    return answer.json()


def test_readers_keep_the_former_model_until_the_task_has_run(cast, client_of, versions):
    first, second = versions
    model_versions.promote(version=first, actor=None)
    client = client_of(cast.manager)
    said = promote_over_http(client, second)
    assert (said["state"], said["is_taking_over"]) == ("production", True)
    assert (sources(), order_of(cast.project)) == ({"Nodule? #1"}, [0, 1, 2])
    assert [v.pk for v in model_versions.taking_over()] == [second.pk]  # what the sweeper rings for
    tasks.hand_out_model(str(second.pk))
    assert (sources(), order_of(cast.project)) == ({"Nodule? #2"}, [2, 1, 0])
    assert not model_versions.taking_over().exists()


def test_a_task_that_comes_late_or_twice_changes_nothing(cast, client_of, versions):
    first, second = versions
    client = client_of(cast.manager)
    promote_over_http(client, first)
    promote_over_http(client, second)
    tasks.hand_out_model(str(first.pk))
    assert sources() == set()
    tasks.hand_out_model(str(second.pk))
    handed = set(Suggestion.objects.values_list("pk", flat=True))
    tasks.hand_out_model(str(second.pk))
    assert set(Suggestion.objects.values_list("pk", flat=True)) == handed
    first.refresh_from_db()
    assert (first.state, first.is_taking_over) == (ModelVersionState.RETIRED, False)


def test_a_round_that_promotes_meanwhile_ends_what_was_to_come(cast, client_of, versions):
    first, second = versions
    promote_over_http(client_of(cast.manager), first)
    model_versions.promote(version=second, actor=None)
    tasks.hand_out_model(str(first.pk))
    assert (sources(), order_of(cast.project)) == ({"Nodule? #2"}, [2, 1, 0])


def test_who_comes_while_another_hands_out_is_told_to_wait(live_cast):
    version = make_version(make_target(live_cast), [], [])
    is_held, may_end = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            lock_versions(version.target_id)
            is_held.set()
            may_end.wait(20)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert is_held.wait(20)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 50")
            with pytest.raises(Conflict, match="try again in a minute"):
                model_versions.promote_soon(version=version, actor=live_cast.manager)
        # Nor does a task wait: the sweeper rings for it again.
        ModelVersion.objects.filter(pk=version.pk).update(state="production", is_taking_over=True)
        tasks.hand_out_model(str(version.pk))
        assert model_versions.taking_over().get() == version
    finally:
        may_end.set()
        other.join()
    tasks.hand_out_model(str(version.pk))
    assert not model_versions.taking_over().exists()
