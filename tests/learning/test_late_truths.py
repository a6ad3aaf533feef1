"""What becomes known after a model has looked: copies of held-out pictures, deleted studies, later arrivals."""

import pytest
from django.db import connection, transaction

from annotation.archive.models import Study
from annotation.core import jobs
from annotation.core.locks import wait_for_locks
from annotation.datasets import services as datasets
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.datasets.splitter import Splitter
from annotation.labeling.models import Case, Suggestion
from annotation.labeling.services.asked import Asked, ask_for_slices, asked_of
from annotation.labeling.services.deletion import delete_study
from learning import pipeline
from learning.models import Prediction, Round, Scoring, Trigger
from learning.pipeline import arrivals
from learning.pipeline import rounds as round_jobs
from learning.services import model_versions, ordering, rounds, scorings, targets
from tests import factories
from tests.learning.conftest import TINY
from tests.learning.models import make_model
from tests.learning.test_leaks import look_alike
from tests.learning.test_ordering import make_target, make_version, numbered, order_of


@pytest.fixture
def pool(cast):
    """Six cases of training patients, by age."""
    cases = numbered(cast.project, factories.make_cases(cast.project, 6))
    prescribe_splits(
        project=cast.project,
        split_of_patient={case.study.patient_id: Split.TRAIN for case in cases},
    )
    return cases


@pytest.fixture
def test_case_and_training_case(cast):
    """The oldest of 24, which leads whoever looks like it, and one that trains as long as it is alone."""
    first, *others = numbered(cast.project, factories.make_cases(cast.project, 24))
    prescribe_splits(project=cast.project, split_of_patient={first.study.patient_id: Split.TEST})
    splitter = Splitter(datasets.policy_of(cast.project))
    return first, next(c for c in others if splitter.split(splitter.patient_key(c)) == Split.TRAIN)


def suggested_to():
    return set(Suggestion.objects.filter(is_current=True).values_list("case_id", flat=True))


def test_what_turns_out_to_show_a_held_out_picture_loses_its_suggestion_for_good(
    cast, test_case_and_training_case
):
    original, copy = test_case_and_training_case
    version = make_version(make_target(cast), [copy], [0.5])
    model_versions.promote(version=version, actor=None)
    assert suggested_to() == {copy.pk}
    look_alike([original, copy])
    datasets.regrouped_policy(cast.project)
    assert suggested_to() == set()
    other = make_version(version.target, [copy], [0.5])
    model_versions.promote(version=other, actor=None)
    assert suggested_to() == set()


def test_what_turns_out_to_show_a_held_out_picture_is_drawn_whole(
    cast, test_case_and_training_case
):
    """It has no suggestion: slices are asked for before there is a model too."""
    original, copy = test_case_and_training_case
    slices = [{"slice": "1.2.3:1", "arm": "spread", "propensity": 1.0}]
    ask_for_slices(origin="a target", asked=[Asked(copy.pk, 0, "1.2", slices)])
    assert [one["slices"] for one in asked_of(copy)] == [["1.2.3:1"]]
    look_alike([original, copy])
    datasets.regrouped_policy(cast.project)
    assert asked_of(copy) == []


def test_a_copy_that_arrives_is_known_before_the_model_looks(cast, test_case_and_training_case):
    original, copy = test_case_and_training_case
    look_alike([original, copy])
    target = make_target(cast, strategy="margin")
    version = model_versions.promote(version=make_model(target), actor=None)
    for part in Scoring.objects.all():
        jobs.execute(Scoring, part.pk, arrivals.score_part)
    assert version.predictions.get(case=copy).score is None
    assert copy.pk not in suggested_to()


def test_a_study_that_is_deleted_while_a_round_predicts_costs_the_round_nothing(cast, monkeypatch):
    factories.make_labeled_cases(cast.project, cast.annotator, 18)
    [gone, *others] = factories.make_cases(cast.project, 4)
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=TINY
    )
    publish = round_jobs.publish

    def publish_late(round_, finished):
        delete_study(actor=cast.manager, study=Study.objects.get(pk=gone.study_id))
        publish(round_, finished)

    monkeypatch.setattr(round_jobs, "publish", publish_late)
    asked = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, asked.pk, pipeline.run_round)
    asked.refresh_from_db()
    assert asked.state == jobs.JobState.COMPLETED, asked.error
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as at the commit
    predicted = set(asked.model_version.predictions.values_list("case", flat=True))
    assert predicted == {case.pk for case in others}
    assert asked.ranked_cases == 3


def test_a_part_whose_case_is_deleted_keeps_the_others(cast, pool):
    version = model_versions.promote(version=make_model(make_target(cast)), actor=None)
    [part] = Scoring.objects.all()
    claimed = jobs.claim(Scoring, part.pk)
    gone, *others = pool
    found = [
        Prediction(model_version=version, case_id=case.pk, values=[0.5, 0.5], score=0.5)
        for case in pool
    ]
    places = [ordering.Ranked(case.pk, version.pk, "why", {}, 0.5) for case in pool]
    delete_study(actor=cast.manager, study=gone.study)
    scorings.keep(part=claimed, predictions=found, ranked=places, excluded={})
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    kept = set(version.predictions.values_list("case", flat=True))
    assert kept == suggested_to() == {case.pk for case in others}


def by_hand(cast, pool):
    """Version 1 in production, and version 2, which the worklist follows; the last case came after both."""
    target = make_target(cast, promotion="by_hand")
    first = make_version(target, pool[:5], [5, 4, 3, 2, 1])
    model_versions.promote(version=first, actor=cast.manager)
    second = make_version(target, pool[:5], [1, 2, 3, 4, 5])
    ordering.follow(second)
    assert order_of(cast.project) == [4, 3, 2, 1, 0]
    return first, second


def keep_places(version, cases, priority):
    part = Scoring.objects.create(
        model_version=version, batch=version.pk, case_ids=[case.pk for case in cases]
    )
    found = [
        Prediction(model_version=version, case_id=case.pk, values=[0.5, 0.5], score=9.0)
        for case in cases
        if not version.predictions.filter(case=case).exists()
    ]
    places = [ordering.Ranked(case.pk, version.pk, "by production", {}, priority) for case in cases]
    claimed = jobs.claim(Scoring, part.pk)
    scorings.keep(part=claimed, predictions=found, ranked=places, excluded={})


def test_production_places_what_arrives_and_leaves_the_followed_order_alone(cast, pool):
    first, second = by_hand(cast, pool)
    keep_places(first, [pool[0], pool[5]], priority=0.95)
    assert order_of(cast.project) == [5, 4, 3, 2, 1, 0]
    assert Case.objects.get(pk=pool[0].pk).ranking_id == second.pk


def test_what_only_production_has_seen_keeps_its_place_when_the_order_is_made_anew(cast, pool):
    first, second = by_hand(cast, pool)
    keep_places(first, [pool[5]], priority=0.95)
    ordering.follow(second)
    assert order_of(cast.project) == [5, 4, 3, 2, 1, 0]
    assert Case.objects.get(pk=pool[5].pk).ranking_id == first.pk


def test_an_imported_model_takes_the_order_over_once_it_has_looked_at_everything(
    cast, pool, settings
):
    settings.SCORING_SHARD_CASES = 3
    target = make_target(cast, strategy="margin")
    first = make_version(target, pool, [6, 5, 4, 3, 2, 1])
    model_versions.promote(version=first, actor=None)
    imported = model_versions.promote(version=make_model(target), actor=None)
    one, other = Scoring.objects.order_by("created_at", "pk")
    jobs.execute(Scoring, one.pk, arrivals.score_part)
    assert order_of(cast.project) == [0, 1, 2, 3, 4, 5]
    assert ordering.followed_of(target) == first
    jobs.execute(Scoring, other.pk, arrivals.score_part)
    assert ordering.followed_of(target) == imported
    assert set(Case.objects.values_list("ranking_id", flat=True)) == {imported.pk}


def test_a_paused_round_does_not_keep_arrivals_waiting(cast, pool):
    target = make_target(cast)
    version = model_versions.promote(version=make_version(target, [], []), actor=None)
    Scoring.objects.all().delete()
    asked = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    assert scorings.request_due() == 0
    Round.objects.filter(pk=asked.pk).update(pause_requested=True)
    assert scorings.request_due() == 1
    assert version.scorings.get().case_ids


def test_who_would_lose_hours_waits_for_locks_as_long_as_it_takes(db):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 50")
        wait_for_locks()
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
