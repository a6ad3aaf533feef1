"""Which model goes into production: the evidence of the locked test set, and who decides."""

from uuid import uuid4

import numpy as np
import pytest
from django.db import DatabaseError, transaction

from annotation.core.jobs import JobState
from annotation.datasets.models import Dataset, DatasetItem, Split
from annotation.labeling.models import Case
from annotation.labeling.services.projects import current_schema, publish_schema
from learning.models import ModelVersion, Prediction, Round, TestResult, Trigger
from learning.services import model_versions, targets, test_results
from learning.services.comparison import Verdict, compare_versions
from learning.services.evidence import honest_figures
from learning.services.test_results import NotTested, Results, results_of
from learning.training.metrics.figures import Examined, figures
from tests import factories
from tests.learning.models import make_model

COUNT = 120
TRUTH = np.arange(COUNT) % 2


@pytest.fixture
def target(cast):
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


@pytest.fixture
def cases(cast):
    return factories.make_empty_cases(cast.project, COUNT)


def scores(noise, seed=0):
    """Probabilities of "yes" that are the better the less noise they have."""
    return np.clip(0.3 + 0.4 * TRUTH + np.random.default_rng(seed).normal(0, noise, COUNT), 0, 1)


def make_version(target, cases, said, *, truth=TRUTH, kind="one", classes=("no", "yes")):
    """A version with its results, as a round publishes them; one patient a case."""
    number = target.model_versions.count() + 1
    examined = Examined(
        kind, np.asarray(truth[: len(cases)]), np.stack([1 - said, said], axis=1)[: len(cases)],
        [f"{n:016x}" for n in range(len(cases))], classes, (0.5,) * (len(classes) if kind == "many" else 1),
    )  # fmt: skip
    round_ = Round.objects.create(
        target=target, number=number, trigger=Trigger.MANUAL, strategy="margin", seed=1, config={},
        code_revision="test", state=JobState.COMPLETED, training_labels=10 * number,
        metrics=figures(examined, np.random.default_rng(0)),
    )  # fmt: skip
    version = ModelVersion.objects.create(
        target=target, round=round_, number=number, weights_sha256="0" * 64, classes=list(classes)
    )
    test_results.keep(version=version, results=Results([case.pk for case in cases], examined))
    return version


def state_after(version):
    version.refresh_from_db()
    return version.state


def test_results_come_back_as_they_were_kept(target, cases):
    version = make_version(target, cases, scores(0.1))
    results = results_of(version)
    by_case = dict(zip([case.pk for case in cases], scores(0.1), strict=True))
    assert [by_case[case] for case in results.cases] == results.examined.predictions[:, 1].tolist()
    assert (results.examined.kind, results.examined.classes) == ("one", ("no", "yes"))
    assert figures(results.examined, np.random.default_rng(0))["auc"]["value"] == pytest.approx(
        version.round.metrics["auc"]["value"]
    )


@pytest.mark.parametrize(
    ("kind", "truth"),
    [
        ("many", np.array([[1.0, np.nan], [0.0, 1.0]])),
        ("number", np.array([2.5, np.nan])),
        ("time_to_event", np.array([[3.0, 1.0], [np.nan, np.nan]])),
        ("segmentation", np.array([[1.0], [0.0]])),
    ],
)
def test_every_kind_of_truth_survives_the_database(target, cases, kind, truth):
    classes = {"many": ("a", "b"), "segmentation": ("a",)}.get(kind, ())
    version = make_version(
        target, cases[:2], np.array([0.1, np.nan]), truth=truth, kind=kind, classes=classes
    )
    kept = results_of(version)
    rows = [list(kept.cases).index(case.pk) for case in cases[:2]]
    assert np.array_equal(kept.examined.truth[rows], truth, equal_nan=True)
    assert np.array_equal(np.isnan(kept.examined.predictions[rows]), [[False] * 2, [True] * 2])


def test_a_result_never_changes(target, cases):
    make_version(target, cases[:1], scores(0.1))
    with pytest.raises(DatabaseError), transaction.atomic():
        TestResult.objects.update(truth=1)


def test_the_first_model_needs_no_evidence(target, cases):
    version = make_version(target, cases, scores(0.3))
    assert model_versions.consider(version).verdict == Verdict.FIRST
    assert state_after(version) == "production"


def test_a_model_that_answers_nothing_is_never_promoted(target, cases):
    version = make_version(target, cases, np.full(COUNT, np.nan))
    assert model_versions.consider(version).verdict == Verdict.NOT_FINITE
    assert state_after(version) == "candidate"


@pytest.mark.parametrize(
    ("old", "new", "verdict", "state"),
    [
        (0.5, 0.1, Verdict.BETTER, "production"),
        (0.1, 0.5, Verdict.WORSE, "candidate"),
        (0.1, 0.1, Verdict.NOT_WORSE, "production"),
    ],
)
def test_the_paired_difference_decides(target, cases, old, new, verdict, state):
    model_versions.consider(make_version(target, cases, scores(old)))
    version = make_version(target, cases, scores(new, seed=1))
    evidence = model_versions.consider(version)
    assert evidence.verdict == verdict
    assert (state_after(version), version.evidence["verdict"]) == (state, verdict)
    assert (evidence.n, evidence.patients, evidence.against) == (COUNT, COUNT, 1)
    assert evidence.difference.low <= evidence.difference.value <= evidence.difference.high


def test_too_few_patients_show_nothing_and_leave_production_as_it_is(target, cases):
    few = cases[:8]
    model_versions.consider(make_version(target, few, scores(0.5)))
    version = make_version(target, few, scores(0.4, seed=1))
    assert model_versions.consider(version).verdict == Verdict.NOT_SHOWN
    assert state_after(version) == "candidate"


def test_a_few_patients_whom_both_answer_rightly_prove_nothing(target, cases):
    """The bootstrap at the ceiling has no width: from 0 to 0, whoever else would come."""
    few = cases[:8]
    model_versions.consider(make_version(target, few, TRUTH.astype(float)))
    version = make_version(target, few, TRUTH.astype(float))
    evidence = model_versions.consider(version)
    assert (evidence.difference.low, evidence.difference.high, evidence.patients) == (0, 0, 8)
    assert (evidence.verdict, state_after(version)) == (Verdict.NOT_SHOWN, "candidate")


def test_two_ill_patients_of_many_prove_nothing_however_rightly_they_are_answered(
    target, cases, cast
):
    """Every draw that meets one of them has an AUC of 1, and the others give none."""
    rare = (np.arange(100) < 2).astype(np.int64)
    for _ in range(2):
        version = make_version(target, cases[:100], rare.astype(float), truth=rare)
        evidence = model_versions.consider(version)
    assert (evidence.difference.low, evidence.patients, evidence.rests_on) == (0, 100, 2)
    assert (evidence.verdict, state_after(version)) == (Verdict.NOT_SHOWN, "candidate")
    targets.change_target(actor=cast.manager, target=target, goal=0.95)
    target.refresh_from_db()
    [goal] = [c for c in honest_figures(target).stopping.conditions if c.name == "target"]
    assert version.round.metrics["auc"]["low"] == pytest.approx(0.158, abs=1e-3)  # of two
    assert goal.holds is None
    assert "rarest answer, structure or event to be sure: 2 of at least 15" in goal.sentence


def test_a_loss_that_is_shown_is_not_forgiven_by_the_margin(target, cases):
    """Round after round would lose a little more, each beside what the last one had left."""
    said = np.where(TRUTH == 1, 0.8, 0.2)
    lost = np.where(np.arange(COUNT) < 16, 0.5, said)
    model_versions.consider(make_version(target, cases, said))
    version = make_version(target, cases, lost)
    evidence = model_versions.consider(version)
    assert -evidence.margin < evidence.difference.low < evidence.difference.high < 0
    assert (evidence.verdict, state_after(version)) == (Verdict.WORSE, "candidate")


def test_only_patients_of_both_test_sets_count(target, cases):
    """The new model was tested on 40 further cases, on which it is far better."""
    old, new = scores(0.1), scores(0.1)
    new[80:] = TRUTH[80:]
    model_versions.consider(make_version(target, cases[:80], old))
    evidence = model_versions.consider(make_version(target, cases, new))
    assert (evidence.n, evidence.difference.value) == (80, 0.0)


def test_what_is_true_is_what_is_known_now(target, cases):
    """Labels were corrected since: production had been tested against wrong ones."""
    model_versions.consider(make_version(target, cases, scores(0.1), truth=1 - TRUTH))
    evidence = model_versions.consider(make_version(target, cases, scores(0.1)))
    assert (evidence.verdict, evidence.difference.value) == (Verdict.NOT_WORSE, 0.0)


def test_a_measured_model_replaces_one_that_never_was(target, cases):
    model_versions.consider(make_version(target, [], scores(0.1)))
    version = make_version(target, cases, scores(0.1))
    assert model_versions.consider(version).verdict == Verdict.PRODUCTION_UNTESTED
    assert state_after(version) == "production"


def test_a_measured_model_does_not_replace_an_imported_one_that_nobody_measured(
    target, cases, cast
):
    imported = make_model(target)
    model_versions.promote(version=imported, actor=cast.manager)
    version = make_version(target, cases, scores(0.1))
    assert model_versions.consider(version).verdict == Verdict.UNTESTED
    assert (state_after(version), state_after(imported)) == ("candidate", "production")


def test_without_common_patients_or_answers_a_person_decides(target, cases):
    model_versions.consider(make_version(target, cases[:60], scores(0.1)))
    apart = make_version(target, cases[60:], scores(0.1))
    assert model_versions.consider(apart).verdict == Verdict.UNTESTED
    other = make_version(target, cases, scores(0.1), classes=("no", "perhaps"))
    assert model_versions.consider(other).verdict == Verdict.NOT_COMPARABLE
    assert {state_after(apart), state_after(other)} == {"candidate"}


SERIES = {
    "questions": [
        {"key": "seen", "label": "Seen", "kind": "one", "scope": "series",
         "options": [{"key": "no"}, {"key": "yes"}]},
        {"key": "nodule", "label": "Nodule", "kind": "one",
         "options": [{"key": "no"}, {"key": "yes"}]},
    ],
    "segments": [{"value": 1, "label": "Lesion"}],
    "region_labels": [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}],
}  # fmt: skip
FLAT, DEEP = {"size": [32, 32]}, {"size": [16, 32, 32], "dimensions": "3d"}
ONE_MM = {"spacing_mm": [1, 1, 1]}
MASKS, BOXES = {"kind": "segmentation"}, {"kind": "boxes"}


def of_series(description):
    return {"channels": [{"name": "image", "rule": {"description": description}}]}


@pytest.mark.parametrize(
    ("wish", "before", "now", "is_comparable"),
    [
        (MASKS, FLAT, DEEP, False),
        (MASKS, {**DEEP, "dimensions": "2.5d"}, DEEP, True),  # both draw the whole volume
        (MASKS, DEEP, DEEP | ONE_MM, False),
        (MASKS, DEEP, DEEP | {"size": [16, 64, 64]}, True),  # only a window
        (MASKS, DEEP, DEEP | of_series("t2"), False),
        (BOXES, DEEP, DEEP | of_series("t2"), False),
        (BOXES, DEEP, DEEP | ONE_MM, True),
        ({"question": "seen"}, FLAT, FLAT | of_series("t2"), False),
        ({"question": "seen"}, FLAT, DEEP, True),
        ({"question": "nodule"}, FLAT, FLAT | of_series("t2"), True),
    ],
)  # fmt: skip
def test_models_whose_truth_lies_on_other_images_are_not_compared(
    cast, cases, wish, before, now, is_comparable
):
    publish_schema(actor=cast.manager, project=cast.project, definition=SERIES)
    target = targets.create_target(actor=cast.manager, project=cast.project, **wish)
    production, candidate = (make_version(target, cases, scores(0.1)) for _ in range(2))
    production.input, candidate.input = before, now
    found = compare_versions(candidate, production).verdict
    assert (found != Verdict.NOT_COMPARABLE) is is_comparable


def test_by_hand_means_that_no_round_promotes(target, cases, cast):
    targets.change_target(actor=cast.manager, target=target, promotion="by_hand")
    target.refresh_from_db()
    version = make_version(target, cases, scores(0.1))
    assert model_versions.consider(version).is_enough
    assert state_after(version) == "candidate"
    model_versions.promote(version=version, actor=cast.manager)
    assert state_after(version) == "production"


def test_an_error_is_better_when_it_is_smaller(target, cases):
    truth = np.linspace(0, 10, COUNT)
    random = np.random.default_rng(0)
    versions = []
    for noise in (2.0, 0.5):
        version = make_version(target, [], scores(0.1), truth=truth, kind="number", classes=())
        examined = Examined(
            "number", truth, (truth + random.normal(0, noise, COUNT))[:, None],
            [f"{n:016x}" for n in range(COUNT)],
        )  # fmt: skip
        test_results.keep(version=version, results=Results([c.pk for c in cases], examined))
        versions.append(version)
    evidence = compare_versions(versions[1], versions[0])
    assert (evidence.verdict, evidence.metric) == (Verdict.BETTER, "mean_absolute_error")
    assert evidence.difference.value > 1
    assert evidence.margin == pytest.approx(0.05 * 1.6, rel=0.2)


def make_box_version(target, cases, found, *, objects=None):
    """A detector that finds the one nodule of each case, or sees it elsewhere, as `found` says."""
    count = len(cases)
    shown = np.ones(count, np.int64) if objects is None else objects
    examined = Examined(
        "boxes", shown[:, None], np.stack([np.zeros(count), np.full(count, 0.9), found], axis=1),
        [f"{n:016x}" for n in range(count)], ("nodule",), overlaps=(0.5,),
    )  # fmt: skip
    number = target.model_versions.count() + 1
    round_ = Round.objects.create(
        target=target, number=number, trigger=Trigger.MANUAL, strategy="boxes", seed=1, config={},
        code_revision="test", state=JobState.COMPLETED, training_labels=10 * number,
        metrics=figures(examined, np.random.default_rng(0)),
    )  # fmt: skip
    version = ModelVersion.objects.create(
        target=target, round=round_, number=number, weights_sha256="0" * 64, classes=["nodule"]
    )
    test_results.keep(version=version, results=Results([case.pk for case in cases], examined))
    return version


@pytest.fixture
def boxes(cast):
    publish_schema(
        actor=cast.manager, project=cast.project,
        definition={"region_labels": [{"key": "nodule", "label": "Nodule", "kinds": ["box"]}]},
    )  # fmt: skip
    return targets.create_target(actor=cast.manager, project=cast.project, kind="boxes")


def test_boxes_are_compared_on_the_same_patients(boxes, cases):
    """Of 40 nodules production finds 20 and the candidate 10 others beside them."""
    half = np.arange(40) < 20
    model_versions.consider(make_box_version(boxes, cases[:40], half))
    better = make_box_version(boxes, cases[:40], half | (np.arange(40) >= 30))
    evidence = compare_versions(better, boxes.model_versions.get(number=1))
    assert (evidence.verdict, evidence.metric, evidence.n) == (Verdict.BETTER, "ap50", 40)
    # hits and misses share one score: AP is recall times precision
    assert evidence.difference.value == pytest.approx(0.75**2 - 0.5**2)
    worse = make_box_version(boxes, cases[:40], np.arange(40) < 15)
    assert model_versions.consider(worse).verdict in (Verdict.WORSE, Verdict.NOT_SHOWN)
    assert state_after(worse) == "candidate"


def test_a_case_whose_objects_were_corrected_counts_for_neither(boxes, cases):
    model_versions.consider(make_box_version(boxes, cases[:40], np.ones(40)))
    corrected = np.where(np.arange(40) < 10, 2, 1)
    evidence = model_versions.consider(
        make_box_version(boxes, cases[:40], np.ones(40), objects=corrected)
    )
    assert (evidence.n, evidence.difference.value) == (30, 0.0)


def freeze_reads(version, revision_of):
    """A dataset of the version's round with one read of each case."""
    project = version.target.project
    dataset = Dataset.objects.create(
        project=project, number=version.number, name="", schema=current_schema(project),
        sha256="0" * 64,
    )  # fmt: skip
    DatasetItem.objects.bulk_create(
        DatasetItem(
            dataset=dataset, case_id=case, patient_key="0" * 16, split=Split.TEST, answers={},
            revision_ids=[revision], images_sha256="0" * 64,
        )
        for case, revision in revision_of.items()
    )  # fmt: skip
    version.round.dataset = dataset
    version.round.save()


def drawn_well(target, cases):
    drawn = {"kind": "segmentation", "classes": ("Lesion",), "truth": np.ones((COUNT, 1))}
    return make_version(target, cases, np.full(COUNT, 0.8), **drawn)


def found_well(target, cases):
    return make_box_version(target, cases, np.ones(len(cases)))


@pytest.mark.parametrize(("kind", "make"), [("segmentation", drawn_well), ("boxes", found_well)])
def test_a_case_that_was_drawn_again_counts_for_neither(cast, cases, kind, make):
    """The old model was measured by the old drawing, of which no more is kept than the overlap."""
    publish_schema(actor=cast.manager, project=cast.project, definition=SERIES)
    target = targets.create_target(actor=cast.manager, project=cast.project, kind=kind)
    production, candidate = (make(target, cases[:40]) for _ in range(2))
    reads = {case.pk: uuid4() for case in cases[:40]}
    freeze_reads(production, reads)
    freeze_reads(candidate, reads | {cases[0].pk: uuid4()})
    evidence = compare_versions(candidate, production)
    assert (evidence.verdict, evidence.n) == (Verdict.NOT_WORSE, 39)


def test_a_detector_without_kept_results_shows_nothing(boxes, cases):
    old = make_box_version(boxes, cases[:40], np.arange(40) < 20)
    model_versions.consider(old)
    Round.objects.filter(pk=old.round_id).update(metrics={"n": 40, "ap50": old.metrics["ap50"]})
    candidate = make_box_version(boxes, cases[:40], np.ones(40))
    assert model_versions.consider(candidate).verdict == Verdict.UNTESTED
    assert state_after(candidate) == "candidate"


def test_a_version_from_before_results_were_kept_says_so(target, cases):
    version = make_version(target, cases, scores(0.1))
    version.round.metrics = {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}}
    with pytest.raises(NotTested, match="before test results were kept"):
        results_of(version)


def test_results_leave_with_their_case_and_predictions_stay_apart(target, cases):
    version = make_version(target, cases[:2], scores(0.1))
    Case.objects.filter(pk=cases[0].pk).delete()
    assert version.test_results.count() == 1
    assert not Prediction.objects.exists()
