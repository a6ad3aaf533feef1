"""What a round ranks by: the labels so far, and the vectors by which near copies are told apart."""

from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import pytest
import torch

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.schemas import parse_schema
from learning import pipeline
from learning.acquisition.pool import Pool
from learning.acquisition.uncertainty import margin
from learning.models import (
    EMBEDDING_SIZE,
    Embedding,
    EncoderVersion,
    Prediction,
    Round,
    Target,
    Trigger,
)
from learning.pipeline.base import Examples, Learned
from learning.pipeline.kinds import kind_of
from learning.services import rounds, targets
from learning.training.loop import Trained
from tests import factories
from tests.learning.conftest import TINY

ANSWERS = ["no", "no", *["yes"] * 10]  # five times as many: from there on rare ones are preferred


@pytest.fixture
def pool(cast):
    """Six open cases of the training pool beside labels of which one answer is rare."""
    labeled = factories.make_cases(cast.project, len(ANSWERS))
    for case, answer in zip(labeled, ANSWERS, strict=True):
        factories.import_answer(cast.annotator, case, answer)
    found = factories.make_cases(cast.project, 6)
    split_of = {case.study.patient_id: Split.TRAIN for case in [*labeled, *found]}
    prescribe_splits(project=cast.project, split_of_patient=split_of)
    return found


def drawn(cast, strategy):
    """What a round draws from the pool, first draw first: probabilities (n, 2), chances (n,), cases."""
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=TINY, strategy=strategy
    )
    created = rounds.request_round(target=target, trigger=Trigger.MANUAL, seed=1)
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert created.state == jobs.JobState.COMPLETED, created.error
    found = Prediction.objects.filter(model_version__round=created).order_by("-score")
    return (
        np.array([one.values for one in found]), np.array([one.propensity for one in found]),
        [one.case_id for one in found],
    )  # fmt: skip


def chances(wishes, shrink):
    """The chance of each draw by hand: nine tenths by wish, one tenth evenly over what is left."""
    left, found = wishes.copy(), []
    for row in range(len(wishes)):
        found.append(0.9 * left[row] / left.sum() + 0.1 / (len(wishes) - row))
        left[row] = 0
        left *= shrink(row)
        if not left.any():
            left[row + 1 :] = 1
    return np.array(found)


def powered(scores):
    return (scores / scores.max()) ** 10


def margins(probabilities):
    return margin(Pool(probabilities=probabilities))


def test_a_round_prefers_the_answer_that_has_few_labels(cast, pool):
    probabilities, propensities, _ = drawn(cast, "stratified_margin")
    quota = 1 / np.sqrt([2, 10])
    wishes = powered(margins(probabilities) * (probabilities @ quota) / quota.max())
    assert np.allclose(propensities, chances(wishes, lambda _row: 1), rtol=1e-4)


def test_copies_of_a_drawn_case_are_less_wanted_where_vectors_are_stored(cast, pool):
    vectors = np.zeros((6, EMBEDDING_SIZE), np.float32)
    vectors[:3, 0] = vectors[3:, 1] = 1  # three copies of one image, three of another
    encoder = EncoderVersion.objects.create(project=cast.project, number=1, is_ready=True)
    Embedding.objects.bulk_create(
        Embedding(encoder=encoder, case=case, vector=vector)
        for case, vector in zip(pool, vectors, strict=True)
    )
    probabilities, propensities, cases = drawn(cast, "power_margin")
    at = {case.pk: row for row, case in enumerate(pool)}
    is_other = np.array([at[case] >= 3 for case in cases])
    wishes = powered(margins(probabilities))
    expected = chances(wishes, lambda row: np.where(is_other == is_other[row], 0.1, 1))
    assert np.allclose(propensities, expected, rtol=1e-4)
    assert not np.allclose(expected, chances(wishes, lambda _row: 1), rtol=1e-2)


def test_a_case_without_a_vector_resembles_no_other(cast, pool):
    encoder = EncoderVersion.objects.create(project=cast.project, number=1, is_ready=True)
    Embedding.objects.create(encoder=encoder, case=pool[0], vector=np.eye(EMBEDDING_SIZE)[0])
    probabilities, propensities, _ = drawn(cast, "power_margin")
    expected = chances(powered(margins(probabilities)), lambda _row: 1)
    assert np.allclose(propensities, expected, rtol=1e-4)


DEFINITION = {
    "questions": [
        {"key": "seen", "label": "Seen", "kind": "many", "options": [{"key": "a"}, {"key": "b"}]},
        {"key": "grade", "label": "Grade", "kind": "ordinal",
         "options": [{"key": "none"}, {"key": "some"}, {"key": "much"}]},
        {"key": "age", "label": "Age", "kind": "number", "minimum": 0, "maximum": 99},
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "question", "answers", "labels"),
    [
        ("many", "seen", [["a"], [], ["a", "b"]], [[1, 0], [0, 0], [1, 1]]),
        ("ordinal", "grade", ["much", "none", "much"], [2, 0, 2]),
        ("number", "age", [3, 7.5, 20], [3, 7.5, 20]),
    ],
)
def test_strategies_get_the_labels_of_the_training_cases(kind, question, answers, labels):
    made = kind_of(Target(kind=kind, question=question), parse_schema(DEFINITION), {}, "random", 3)
    found = made.labeled({Split.TRAIN: Examples(images=[], labels=answers)})
    assert np.array_equal(found.labels, labels)


@pytest.mark.parametrize("strategy", ["bald", "margin"])
def test_what_is_kept_and_suggested_is_what_is_tested(strategy):
    """Passes with dropout, where a strategy compares them, only say how sure the network is."""
    schema = parse_schema(factories.QUESTIONS)
    config = {"side": 32, "dropout": 0.5}
    torch.manual_seed(0)
    kind = kind_of(Target(kind="one", question="nodule"), schema, config, strategy, 1)
    architecture = kind.architecture()
    network = architecture.build()
    learned = Learned(
        network, kind.task.as_json(), architecture.as_json(), Trained(network, kind.task)
    )
    images = np.random.default_rng(0).normal(size=(3, 1, 32, 32)).astype(np.float16)
    pool = [(SimpleNamespace(case_id=uuid4()), image) for image in images]
    found = list(kind.foresee(learned, pool, {}, is_suggested=True))
    examples = Examples(images, ["no"] * 3, ["a", "b", "c"], [one.case_id for one, _ in pool])
    tested = kind.examined(learned, examples, lambda _images: None)
    np.testing.assert_allclose([one.values for one in found], tested.predictions, atol=1e-6)
    assert kind.pool(found).probabilities.tolist() == [one.values for one in found]
    assert {one.members is None for one in found} == {kind.passes == 0}
