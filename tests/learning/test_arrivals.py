"""The production model looks at cases outside of a round: those that came later, and a whole pool."""

import threading
import time
from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from annotation.archive.models import Instance, SeriesPreparation
from annotation.core import jobs
from annotation.core.models import AuditEvent
from annotation.datasets.models import Split
from annotation.datasets.services import freeze, prescribe_splits
from annotation.labeling.models import Case, Suggestion
from annotation.labeling.services.ranking import Ranked, replace_ranking
from learning.acquisition import reasons
from learning.models import ModelVersion, Prediction, Round, Scoring, Trigger
from learning.pipeline import arrivals
from learning.services import model_versions, rounds, scorings, targets
from learning.stored_models import next_number
from tests import factories
from tests.learning.models import make_model


@pytest.fixture
def pool(cast):
    """Nine open cases, three of which are held out."""
    cases = factories.make_cases(cast.project, 9)
    hold_out(cast, cases[:6], cases[6:])
    return cases


@pytest.fixture
def target(cast, pool):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", strategy="margin"
    )


@pytest.fixture
def version(target, cast):
    return model_versions.promote(version=make_model(target), actor=cast.manager)


def hold_out(cast, training, others):
    split_of = {case.study.patient_id: Split.TRAIN for case in training}
    split_of |= {case.study.patient_id: Split.TEST for case in others}
    prescribe_splits(project=cast.project, split_of_patient=split_of)


def score_all():
    for part in Scoring.objects.filter(state=jobs.JobState.PENDING):
        jobs.execute(Scoring, part.pk, arrivals.score_part)
    failed = Scoring.objects.filter(state=jobs.JobState.FAILED).first()
    assert failed is None, failed.error


def suggested_to():
    return set(Suggestion.objects.filter(is_current=True).values_list("case_id", flat=True))


def test_an_imported_model_looks_at_the_whole_pool_once_it_is_promoted(version, pool):
    score_all()
    predictions = {p.case_id: p for p in version.predictions.all()}
    assert set(predictions) == {case.pk for case in pool}
    assert {p for p in predictions if predictions[p].score is None} == {c.pk for c in pool[6:]}
    assert suggested_to() == {case.pk for case in pool[:6]}  # held-out cases measure the model
    ranked = Case.objects.filter(pk__in=[case.pk for case in pool[:6]]).order_by("-priority")
    by_margin = sorted(pool[:6], key=lambda c: -predictions[c.pk].score)
    assert [case.pk for case in ranked] == [case.pk for case in by_margin]
    assert all("cannot decide" in case.priority_reason for case in ranked)
    assert ranked[0].priority_words["question"] == "nodule"
    held_out = Case.objects.filter(pk__in=[case.pk for case in pool[6:]])
    assert {case.priority_reason for case in held_out} == {str(reasons.HELD_OUT)}
    assert scorings.request_due() == 0


def test_cases_that_arrive_later_are_looked_at_and_the_others_left_alone(version, cast, pool):
    score_all()
    before = dict(Prediction.objects.values_list("case_id", "pk"))
    [late] = factories.make_cases(cast.project, 1)
    hold_out(cast, [late], [])
    assert scorings.request_due() == 1
    score_all()
    assert dict(Prediction.objects.exclude(case=late).values_list("case_id", "pk")) == before
    found = Prediction.objects.get(case=late)
    late.refresh_from_db()
    assert (late.priority_reason, late.priority_words) == (found.reason, found.words)
    higher = Prediction.objects.filter(score__gt=found.score).values_list(
        "case__priority", flat=True
    )
    assert all(late.priority <= priority for priority in higher)
    lower = Prediction.objects.filter(score__lt=found.score).values_list(
        "case__priority", flat=True
    )
    assert all(late.priority >= priority for priority in lower)
    assert suggested_to() == {case.pk for case in [*pool[:6], late]}


def test_what_the_model_cannot_use_is_not_tried_for_ever(version, cast):
    [empty] = factories.make_empty_cases(cast.project, 1)
    score_all()
    assert scorings.request_due() == 1
    score_all()
    part = Scoring.objects.order_by("-created_at").first()
    assert list(part.excluded) == [str(empty.pk)]
    assert scorings.request_due() == 0


def arrived(study, ago=timedelta(0)):
    """As if the study's last object had come then."""
    of_study = SeriesPreparation.objects.filter(series__study=study)
    of_study.update(changed_at=timezone.now() - ago)


def test_what_the_model_could_not_use_is_tried_again_once_more_of_it_has_come(version, cast, pool):
    """Also what came while it looked: it may have seen the case before."""
    score_all()
    version.predictions.filter(case=pool[0]).delete()
    arrived(pool[0].study, timedelta(minutes=3))
    Scoring.objects.create(
        model_version=version, batch=uuid4(), case_ids=[pool[0].pk], state=jobs.JobState.COMPLETED,
        excluded={str(pool[0].pk): "3 slices are too few"},
        started_at=timezone.now() - timedelta(minutes=2), finished_at=timezone.now(),
    )  # fmt: skip
    assert scorings.request_due() == 0
    arrived(pool[0].study, timedelta(minutes=1))
    assert scorings.request_due() == 1
    score_all()
    assert version.predictions.filter(case=pool[0]).exists()


def test_a_study_that_is_still_arriving_is_waited_for(version, cast, settings):
    score_all()
    settings.STUDY_QUIET_SECONDS = 60
    [late] = factories.make_cases(cast.project, 1)
    assert scorings.request_due() == 0
    arrived(late.study, timedelta(seconds=61))
    assert scorings.request_due() == 1


def test_files_that_this_machine_lacks_are_no_reason_to_leave_a_case_out(
    version, cast, pool, target
):
    [instance] = Instance.objects.filter(series__study=pool[0].study)
    instance.path.rename(instance.path.with_suffix(".away"))
    [part] = Scoring.objects.all()
    jobs.execute(Scoring, part.pk, arrivals.score_part)
    part.refresh_from_db()
    assert (part.state, part.excluded) == ("failed", {})
    assert scorings.progress_of(target).error == "Stored files are not on this machine."
    assert version.predictions.count() == len(pool) - 1
    instance.path.with_suffix(".away").rename(instance.path)
    assert scorings.request_due() == 0  # it may still be away
    [again] = scorings.request_by_hand(actor=cast.manager, target=target)
    assert again.case_ids == [pool[0].pk]


def test_places_of_held_out_cases_are_drawn_for_each_part(version, cast, pool, settings):
    Scoring.objects.all().delete()
    hold_out(cast, [], pool)
    settings.SCORING_SHARD_CASES = 1
    scorings.request_due()
    score_all()
    assert Case.objects.values("priority").distinct().count() == len(pool)


def test_cases_are_ranked_as_those_of_the_round_were(version, target, cast, pool):
    round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    Round.objects.update(state=jobs.JobState.COMPLETED)
    ModelVersion.objects.filter(pk=version.pk).update(round=round_)
    targets.change_target(actor=cast.manager, target=target, strategy="random")
    score_all()
    reasons_given = {case.priority_words["code"] for case in Case.objects.all()}
    assert reasons_given == {"undecided", "held_out"}


@pytest.mark.parametrize(
    ("is_from_a_round", "classes"),
    [(True, ("no", "yes")), (False, ("no", "yes")), (False, ("yes", "no"))],
)
def test_cases_are_ranked_by_how_rare_their_answer_is(target, cast, pool, is_from_a_round, classes):
    """Of 13 labels two are "yes": a case that looks like one is worth more, in whatever order the model has them."""
    version = model_versions.promote(
        version=make_model(target, classes=classes), actor=cast.manager
    )
    labeled = factories.make_labeled_cases(cast.project, cast.annotator, 13, nodules=2)
    hold_out(cast, [*labeled, *pool[:6]], pool[6:])
    dataset = freeze(project=cast.project, name="d", actor=None, is_for_round=True, keywords=[])
    targets.change_target(actor=cast.manager, target=target, strategy="stratified_margin")
    target.refresh_from_db()
    if is_from_a_round:
        round_ = rounds.request_round(target=target, trigger=Trigger.MANUAL)
        Round.objects.update(state=jobs.JobState.COMPLETED, dataset=dataset)
        ModelVersion.objects.filter(pk=version.pk).update(round=round_)
        freeze(project=cast.project, name="later", actor=None, is_for_round=True, keywords=[])
    score_all()
    count = {"no": 11, "yes": 2}
    quota = 1 / np.sqrt([count[name] for name in classes])
    for one in version.predictions.filter(score__isnull=False):
        p = np.asarray(one.values)
        margin = 1 - abs(p[0] - p[1])
        assert one.score == pytest.approx(margin * (p @ quota) / quota.max(), abs=1e-6)
        assert one.score < margin


@pytest.mark.parametrize("classes", [("no", "yes"), ("yes", "no")])
def test_readers_are_told_the_answers_by_their_names(target, cast, pool, classes):
    version = model_versions.promote(
        version=make_model(target, classes=classes), actor=cast.manager
    )
    score_all()
    for one in version.predictions.filter(score__isnull=False).select_related("case"):
        likely = [classes[n] for n in np.argsort(one.values)[::-1]]
        words = one.case.priority_words
        assert [words["first"], words["second"]] == likely


def test_what_one_part_failed_of_is_told_whatever_the_others_did(version, target, settings, cast):
    scorings.cancel(actor=cast.manager, target=target)
    settings.SCORING_SHARD_CASES = 4
    first, *_ = scorings.request_by_hand(actor=cast.manager, target=target)
    Scoring.objects.filter(pk=first.pk).update(state=jobs.JobState.FAILED, error="KeyError: 1")
    progress = scorings.progress_of(target)
    assert (progress.done, progress.total, progress.error) == (4, 9, "KeyError: 1")
    for part in Scoring.objects.filter(state=jobs.JobState.PENDING):
        jobs.execute(Scoring, part.pk, arrivals.score_part)
    progress = scorings.progress_of(target)
    assert (progress.done, progress.total, progress.error) == (0, 0, "KeyError: 1")


def test_one_target_in_trouble_does_not_stop_the_others(version, cast, monkeypatch):
    factories.make_cases(cast.foreign_project, 1)
    other = targets.create_target(
        actor=cast.outsider, project=cast.foreign_project, question="nodule"
    )
    model_versions.promote(version=make_model(other), actor=cast.outsider)
    Scoring.objects.all().delete()
    asked = scorings.request_missing

    def request(one, *, retries):
        if one == version:
            raise RuntimeError
        return asked(one, retries=retries)

    monkeypatch.setattr(scorings, "request_missing", request)
    assert scorings.request_due() == 1


def test_a_part_that_lost_its_worker_is_done_by_the_next_one(version, pool):
    [part] = Scoring.objects.all()
    taken = jobs.claim(Scoring, part.pk)
    Scoring.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    jobs.execute(Scoring, part.pk, arrivals.score_part)
    assert version.predictions.count() == len(pool)
    with pytest.raises(jobs.JobFenced):
        scorings.keep(part=taken, predictions=[], ranked=[], excluded={})


def test_a_cancelled_request_stops_and_can_be_asked_for_again(version, cast, target, settings):
    scorings.cancel(actor=cast.manager, target=target)
    scorings.cancel(actor=cast.manager, target=target)
    assert AuditEvent.objects.filter(action="scoring_cancelled").count() == 1
    score_all()
    assert version.predictions.count() == 0
    assert scorings.request_due() == 0  # somebody has said no
    settings.SCORING_SHARD_CASES = 4
    assert len(scorings.request_by_hand(actor=cast.manager, target=target)) == 3
    progress = scorings.progress_of(target)
    assert (progress.done, progress.total, progress.error) == (0, 9, "")
    score_all()
    assert version.predictions.count() == 9
    assert scorings.progress_of(target).total == 0


def test_a_model_that_is_put_back_sees_what_came_meanwhile(version, target, cast, pool):
    score_all()
    other = model_versions.promote(version=make_model(target, seed=1), actor=cast.manager)
    score_all()
    assert other.predictions.count() == len(pool)
    factories.make_cases(cast.project, 2)
    model_versions.promote(version=version, actor=cast.manager)
    score_all()
    assert version.predictions.count() == len(pool) + 2
    assert other.predictions.count() == len(pool)


def test_a_model_that_is_retired_meanwhile_suggests_nothing(version, target, cast):
    ModelVersion.objects.filter(pk=version.pk).update(state="retired")
    score_all()
    assert version.predictions.count() == 9
    assert suggested_to() == set()


def test_a_round_that_will_replace_the_model_comes_first(version, target, cast):
    score_all()
    factories.make_cases(cast.project, 1)
    rounds.request_round(target=target, trigger=Trigger.MANUAL)
    assert scorings.request_due() == 0
    Round.objects.update(state=jobs.JobState.FAILED)
    assert scorings.request_due() == 1


def test_strategies_without_a_measure_spread_over_the_scores_that_are_there(
    version, target, cast, pool
):
    targets.change_target(actor=cast.manager, target=target, strategy="random")
    score_all()
    scores = sorted(version.predictions.filter(score__isnull=False).values_list("score", flat=True))
    assert len(set(scores)) == 6
    assert 0 < scores[0] < scores[-1] < 1


def test_managers_see_how_far_it_is_and_stop_it(version, target, cast, client_of):
    path = f"/api/v1/targets/{target.pk}/scoring"
    client = client_of(cast.manager)
    found = client.get(path).json()["scoring"]
    nothing = {"error": "", "error_words": {}}
    assert found == {"model_number": version.number, "done": 0, "total": 9, **nothing}
    assert client.delete(path).status_code == 202
    score_all()
    assert client.get(path).json()["scoring"]["total"] == 0
    assert client.post(path).json()["scoring"]["total"] == 9


def test_requests_of_several_managers_at_once_are_one(live_cast):
    factories.make_cases(live_cast.project, 2)
    target = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule"
    )
    model_versions.promote(version=make_model(target), actor=live_cast.manager)
    Scoring.objects.all().delete()
    barrier = threading.Barrier(4)

    def ask():
        try:
            barrier.wait()
            scorings.request_by_hand(actor=live_cast.manager, target=target)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Scoring.objects.count() == 1


def waiters(count):
    """Wait until so many sessions wait for a lock."""
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_locks where not granted")
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.05)
    pytest.fail("nobody waits")


def test_a_round_and_a_part_of_the_pool_that_end_together_wait_in_one_order(live_cast):
    cases = factories.make_cases(live_cast.project, 3)
    target = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule"
    )
    version = model_versions.promote(version=make_model(target), actor=live_cast.manager)
    part = jobs.claim(Scoring, Scoring.objects.get().pk)
    other = make_model(target, seed=1)
    ranked = [Ranked(case.pk, target.pk, "", priority=0.5) for case in cases]
    failures = []

    def publish_round():  # as `publishing.publish` does
        with transaction.atomic():
            next_number(target)
            replace_ranking(project=target.project, ranked=ranked)
            model_versions.promote(version=other, actor=None)

    def keep_part():
        scorings.keep(part=part, predictions=[], ranked=ranked, excluded={})

    def run(work):
        try:
            work()
        except OperationalError as error:  # PostgreSQL ends one of two that wait for each other
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in (publish_round, keep_part)]
    with transaction.atomic():
        Case.objects.select_for_update().get(pk=cases[0].pk)
        for number, thread in enumerate(threads, 1):
            thread.start()
            waiters(number)
    for thread in threads:
        thread.join()
    assert failures == []
    version.refresh_from_db()
    assert version.state == "retired"
