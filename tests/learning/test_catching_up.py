"""The model in production is measured on test cases that came later, so that another can be shown to be no worse."""

import pytest

from annotation.core import jobs
from annotation.datasets.models import PatientSplit, Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Case
from learning import pipeline
from learning.models import ModelVersion, Round, TestResult, Trigger
from learning.services import rounds, targets
from learning.services.comparison import compare_versions
from learning.services.test_results import results_of
from learning.stored_models import weights_folder
from tests import factories

TINY = {"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 6, "evaluations": 1}


@pytest.fixture
def target(cast):
    """Eight training cases and two test cases, which the model in production was tested on; five are read later."""
    cases = factories.make_cases(cast.project, 15)
    splits = [Split.TRAIN] * 8 + [Split.TEST] * 7
    patients = [case.study.patient_id for case in cases]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    read(cast, cases[:10])
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=TINY
    )
    run(target)
    return target


def read(cast, cases):
    for number, case in enumerate(cases):
        factories.import_answer(cast.annotator, case, "yes" if number % 2 else "no")
    return cases


def read_later(cast, count):
    return read(cast, list(Case.objects.filter(state="open").order_by("pk")[:count]))


def run(target):
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert created.state == jobs.JobState.COMPLETED, created.error
    return created.model_version


def test_both_models_are_compared_on_what_was_labeled_since(target, cast):
    production = ModelVersion.objects.get()
    later = {case.pk for case in read_later(cast, 4)}
    candidate = run(target)
    assert (candidate.evidence["n"], candidate.evidence["patients"]) == (6, 6)
    assert len(results_of(production).cases) == 2  # its own figures stay as they were
    known = results_of(production, with_later=True)
    assert later < set(known.cases)
    measured = TestResult.objects.filter(later_round=candidate.round)
    assert set(measured.values_list("case_id", flat=True)) == later
    read_later(cast, 1)
    assert run(target).evidence["n"] == 7
    assert measured.count() == 4  # nothing is measured twice


def test_patients_whom_production_has_learned_from_do_not_count(target, cast):
    """They were grouped with others since, or somebody has moved them."""
    trained = ModelVersion.objects.get().round.dataset.items.filter(split=Split.TRAIN)
    moved = PatientSplit.objects.filter(patient_key__in=trained.values("patient_key")[:2])
    moved.update(split=Split.TEST)
    candidate = run(target)
    assert len(results_of(candidate).cases) == 4
    assert candidate.evidence["n"] == 2


def test_a_round_ends_well_where_the_weights_of_production_are_gone(target, cast):
    read_later(cast, 2)
    production = ModelVersion.objects.get()
    for path in weights_folder().glob(f"{production.weights_sha256}*"):
        path.unlink()
    assert run(target).evidence["n"] == 2


def test_what_both_say_of_a_later_case_is_measured_by_the_same_reads(target, cast):
    [case] = read_later(cast, 1)
    candidate = run(target)
    production = ModelVersion.objects.order_by("number").first()
    evidence = compare_versions(candidate, production)
    assert evidence.n == 3
    known = results_of(production, with_later=True)
    place = list(known.cases).index(case.pk)
    assert (
        known.examined.truth[place]
        == results_of(candidate).examined.truth[list(results_of(candidate).cases).index(case.pk)]
    )
