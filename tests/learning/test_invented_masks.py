"""A structure that a network invents where readers drew none proves nothing of how it draws one."""

import numpy as np
import pytest

from annotation.core.jobs import JobState
from annotation.labeling.services.projects import publish_schema
from learning.models import ModelVersion, Round, TestResult, Trigger
from learning.services import targets, test_results
from learning.services.comparison import Verdict, compare_versions
from learning.services.test_results import Results, results_of
from learning.training.metrics.figures import Examined, figures
from tests import factories

COUNT, DRAWN, INVENTED = 40, 3, 20
SEGMENTS = {"segments": [{"value": 1, "label": "Lesion"}]}


def examined():
    """The first three of 40 patients have the lesion; in 20 others the network alone draws one."""
    dice, hd95_mm = np.full(COUNT, np.nan), np.full(COUNT, np.nan)
    dice[:DRAWN], hd95_mm[:DRAWN] = 0.8, 2.0
    dice[DRAWN : DRAWN + INVENTED] = 0
    truth = (np.arange(COUNT) < DRAWN).astype(float)[:, None]
    patients = [f"{n:016x}" for n in range(COUNT)]
    return Examined("segmentation", truth, np.stack([dice, hd95_mm], axis=1), patients, ("lesion",))


def test_only_what_readers_drew_counts_as_having_it():
    found = figures(examined(), np.random.default_rng(0))
    assert (found["rests_on"], found["labels"][0]["positives"]) == (DRAWN, DRAWN)
    assert found["labels"][0]["missed"] == INVENTED


def test_a_truth_that_is_not_of_each_structure_is_refused():
    """As an older release kept it: a round that goes on after the change judges its network again."""
    with pytest.raises(ValueError, match="not of each structure"):
        Examined("segmentation", np.zeros(2), np.zeros((2, 2)), ["a", "b"], ("lesion",))


@pytest.fixture
def target(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=SEGMENTS)
    return targets.create_target(actor=cast.manager, project=cast.project, kind="segmentation")


@pytest.fixture
def cases(cast):
    return factories.make_empty_cases(cast.project, COUNT)


def make_version(target, cases, keep):
    number, test = target.model_versions.count() + 1, examined()
    round_ = Round.objects.create(
        target=target, number=number, trigger=Trigger.MANUAL, strategy="random", seed=1, config={},
        code_revision="test", state=JobState.COMPLETED, training_labels=10,
        metrics=figures(test, np.random.default_rng(0)),
    )  # fmt: skip
    version = ModelVersion.objects.create(
        target=target, round=round_, number=number, weights_sha256="0" * 64, classes=["lesion"]
    )
    keep(version=version, results=Results([case.pk for case in cases], test))
    return version


def keep_as_before(*, version, results):
    """By a release that kept no truth of masks."""
    TestResult.objects.bulk_create(
        TestResult(
            model_version=version, case_id=case, patient_key=patient, truth=0.0,
            values=list(map(float, values)), said=[],
        )
        for case, patient, values in zip(
            results.cases, results.examined.patients, results.examined.predictions, strict=True
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "before"),
    [
        (test_results.keep, test_results.keep),
        (test_results.keep, keep_as_before),
        (keep_as_before, keep_as_before),
    ],
    ids=["both kept it", "one did", "none did"],
)
def test_invented_structures_do_not_promote(target, cases, keep, before):
    production, candidate = (make_version(target, cases, each) for each in (before, keep))
    evidence = compare_versions(candidate, production)
    assert (evidence.verdict, evidence.rests_on) == (Verdict.NOT_SHOWN, DRAWN)
    assert (evidence.n, evidence.difference.value) == (COUNT, 0.0)


def test_where_structures_are_drawn_is_kept(target, cases):
    found = results_of(make_version(target, cases, test_results.keep)).examined
    assert found.truth.shape == (COUNT, 1)
    assert found.truth.sum() == DRAWN


def test_a_version_that_was_tested_on_nothing_has_the_widths_of_its_structures(target):
    found = results_of(make_version(target, [], lambda **_: None)).examined
    assert (found.truth.shape, found.predictions.shape, found.rests_on) == ((0, 1), (0, 2), 0)
