"""Cross-validations: patients apart, the test set untouched, resumable in mid-fold."""

import signal

import numpy as np
import pytest

from annotation.core import jobs
from annotation.core.errors import Conflict, InvalidInput
from annotation.datasets import services as datasets
from annotation.datasets.models import Dataset, Split
from annotation.imaging.near_duplicates import WORDS
from learning import cross_validation
from learning.models import CrossValidation
from learning.services import cross_validations, targets
from tests import factories, servers
from tests.learning.conftest import TINY
from tests.learning.test_leaks import give_hashes
from tests.learning.test_shards import lapse

LEASE = "3"


@pytest.fixture
def target(labeled_target, cast):
    more = factories.make_labeled_cases(cast.project, cast.annotator, 8)
    datasets.prescribe_splits(
        project=cast.project,
        split_of_patient={case.study.patient_id: Split.TRAIN for case in more},
    )
    datasets.freeze(project=cast.project, name="d", actor=cast.manager)
    return labeled_target


def ask(target, actor, **options):
    return cross_validations.request_cross_validation(
        actor=actor, target=target, fold_count=3, seed=7, **options
    )


def work(job):
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    return job


def test_every_training_and_validation_case_is_measured_once(target, cast, client_of):
    client = client_of(cast.manager)
    address = f"/api/v1/targets/{target.pk}/cross-validations"
    asked = client.post(address, {"fold_count": 3})
    assert asked.status_code == 202, asked.json()
    done = work(CrossValidation.objects.get())
    assert done.state == jobs.JobState.COMPLETED, done.error
    assert [fold["fold"] for fold in done.folds] == [1, 2, 3]
    assert sum(fold["n"] for fold in done.folds) == 18  # of 20: two are test patients
    assert all(fold["training"] + fold["n"] < 18 for fold in done.folds)
    values = [fold["accuracy"] for fold in done.folds]
    assert done.metrics["accuracy"]["value"] == pytest.approx(sum(values) / 3)
    [shown] = client.get(address).json()
    assert (shown["dataset_number"], shown["folds"][0]["n"]) == (1, done.folds[0]["n"])
    assert shown["metrics"]["auc"]["low"] <= shown["metrics"]["auc"]["value"]


def test_a_stopped_run_goes_on_to_the_same_figures(target, cast):
    straight = work(ask(target, cast.manager))
    job = ask(target, cast.manager)
    with pytest.raises(Conflict, match="under way"):
        ask(target, cast.manager)
    claimed = jobs.claim(CrossValidation, job.pk)
    cross_validations.cancel_cross_validation(actor=cast.manager, job=claimed)
    with pytest.raises(jobs.JobCancelled):
        cross_validation.run_cross_validation(claimed)
    CrossValidation.objects.filter(pk=job.pk).update(
        state="pending", cancel_requested=False, folds=straight.folds[:1]
    )
    resumed = work(job)
    assert (resumed.state, resumed.folds) == ("completed", straight.folds), resumed.error
    assert resumed.metrics == straight.metrics


def test_a_copy_under_another_name_lies_in_the_fold_of_the_original(target, cast, monkeypatch):
    cases = [item.case for item in Dataset.objects.get().items.exclude(split=Split.TEST)]
    halves = cases[:9], cases[9:]
    hashes = np.random.default_rng(0).integers(0, 2**63, (9, WORDS), dtype=np.uint64)
    give_hashes([*halves[0], *halves[1]], [*hashes, *(hashes ^ np.uint64(1))])
    divided = []

    def seen(job, kind, cases, fold_of, fold):
        divided.append(dict(zip(cases.cases, fold_of.tolist(), strict=True)))
        return {"fold": fold + 1, "n": 6, "training": 6, "estimates": {}}

    monkeypatch.setattr(cross_validation, "_run_fold", seen)
    job = work(ask(target, cast.manager))
    assert job.state == jobs.JobState.COMPLETED, job.error
    for one, other in zip(*halves, strict=True):
        assert divided[0][one.pk] == divided[0][other.pk]
    assert set(divided[0].values()) == {0, 1, 2}


def test_a_resumed_run_divides_as_it_began_whatever_was_found_alike_since(target, cast):
    straight = work(ask(target, cast.manager))
    assert straight.leaders == {}
    cases = [item.case for item in Dataset.objects.get().items.all()]
    give_hashes(cases, np.ones((len(cases), WORDS), np.uint64))
    job = ask(target, cast.manager)
    CrossValidation.objects.filter(pk=job.pk).update(leaders={}, folds=straight.folds[:1])
    assert work(job).folds == straight.folds


def test_what_cannot_be_cross_validated_says_why(cast):
    target = targets.create_target(actor=None, project=cast.project, question="nodule", config=TINY)
    with pytest.raises(Conflict, match="Freeze a dataset first"):
        ask(target, cast.manager)
    factories.make_labeled_cases(cast.project, cast.annotator, 2)
    datasets.set_shares(project=cast.project, test_share=0, validation_share=0)
    datasets.freeze(project=cast.project, name="d", actor=cast.manager)
    failed = work(ask(target, cast.manager))
    assert failed.error == "3 folds need as many patients; there are 2."
    with pytest.raises(InvalidInput, match="3 to 10 folds"):
        cross_validations.request_cross_validation(
            actor=None, target=target, fold_count=2
        )  # fmt: skip
    foreign = targets.create_target(actor=None, project=cast.foreign_project, question="nodule")
    with pytest.raises(InvalidInput, match="of the target's project"):
        ask(foreign, cast.manager, dataset=failed.dataset)


def test_a_worker_killed_in_a_later_fold_loses_no_finished_fold(live_cast):
    cases = factories.make_labeled_cases(live_cast.project, live_cast.annotator, 12)
    datasets.prescribe_splits(
        project=live_cast.project,
        split_of_patient={case.study.patient_id: Split.TRAIN for case in cases},
    )
    datasets.freeze(project=live_cast.project, name="d", actor=live_cast.manager)
    config = {**TINY, "min_steps": 100, "evaluations": 10, "checkpoint_s": 0.2}
    target = targets.create_target(
        actor=live_cast.manager, project=live_cast.project, question="nodule", config=config
    )
    job = ask(target, live_cast.manager)

    def now():
        return CrossValidation.objects.get(pk=job.pk)

    def is_in_second_fold():
        return len(now().folds) == 1 and now().progress.get("done", 0) > 30

    with servers.worker("gpu", JOB_LEASE_SECONDS=LEASE) as first:
        servers.eventually(is_in_second_fold, "the second fold trains")
        first.send_signal(signal.SIGKILL)
        first.wait()
    seen = now().folds
    assert (now().state, len(seen)) == (jobs.JobState.RUNNING, 1)
    lapse(CrossValidation)
    work(job)
    assert (now().state, now().attempt) == (jobs.JobState.COMPLETED, 2), now().error
    assert now().folds[:1] == seen
    assert len(now().folds) == 3
