"""What a model learns: labels as arrays, losses against hand-computed values, predictions."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from learning.kinds import learned_classes
from learning.training import losses
from learning.training.tasks import (
    TASKS,
    InvalidLabel,
    InvalidTask,
    ManyAnswers,
    Number,
    OneAnswer,
    OrdinalGrade,
    Segmentation,
    TimeToEvent,
    Unlearnable,
    Weighting,
    task_from_json,
)
from learning.training.tasks.segmentation import sparse

ONE = OneAnswer(("no", "yes"))
MANY = ManyAnswers(("mass", "effusion"))
GRADE = OrdinalGrade(("none", "mild", "severe"))
ORGANS = Segmentation(("liver", "spleen"))
ALL = [ONE, MANY, GRADE, Number(3.0, 2.0), TimeToEvent(), ORGANS]


@pytest.mark.parametrize("task", ALL, ids=lambda t: t.kind)
def test_a_task_survives_its_record(task):
    assert task_from_json(task.as_json()) == task
    assert set(TASKS) == {t.kind for t in ALL}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "kind: None"),
        ({"kind": "poem"}, "kind: 'poem'"),
        ({"kind": "one"}, "lacks a field"),
        ({"kind": "one", "classes": ["a"]}, "classes must hold at least 2"),
        ({"kind": "one", "classes": ["a", "a"]}, "classes must hold at least 2"),
        ({"kind": "many", "classes": "ab"}, "classes must be a list"),
        ({"kind": "many", "classes": ["a"], "learned": "a"}, "learned must be a list"),
        ({"kind": "number", "unit": "mm"}, "unit is no field"),
    ],
)
def test_a_wrong_record_is_named(record, message):
    with pytest.raises(InvalidTask, match=message):
        task_from_json(record)


def test_what_the_labels_have_taught_is_kept_with_the_task():
    labels = np.array([[1, 1], [1, 0], [0, np.nan], [0, 0]], np.float32)
    fitted = MANY.fitted(labels)
    assert fitted.learned == ("mass",)  # of effusion one case has it
    assert task_from_json(fitted.as_json()) == fitted
    classes = list(MANY.classes)
    assert learned_classes(fitted.as_json(), classes) == ["mass"]
    assert learned_classes(MANY.as_json(), classes) == classes
    assert (
        learned_classes({"kind": "many", "classes": classes}, classes) == classes
    )  # as kept before
    assert learned_classes(ONE.as_json(), list(ONE.classes)) == list(ONE.classes)


def test_answers_become_arrays_and_missing_ones_stay_missing():
    np.testing.assert_array_equal(ONE.encode(["yes", None, "no"]), [1, -1, 0])
    np.testing.assert_array_equal(
        MANY.encode([["mass"], [], None, {"effusion": False, "mass": None}]),
        [[1, 0], [0, 0], [np.nan, np.nan], [np.nan, 0]],
    )
    np.testing.assert_array_equal(Number().encode([1, None, 2.5]), np.float32([1, np.nan, 2.5]))
    found = TimeToEvent().encode([{"time": 3, "event": True}, None])
    np.testing.assert_array_equal(found, np.float32([[3, 1], [np.nan, np.nan]]))


@pytest.mark.parametrize(
    ("task", "answer", "message"),
    [
        (ONE, "maybe", "answer 1 is 'maybe'"),
        (ONE, ["yes"], "answer 1"),
        (MANY, ["fracture"], "answer 1 names 'fracture'"),
        (MANY, {"mass": 1}, "answer 1 must hold true"),
        (MANY, "mass", "answer 1 must be a list"),
        (Number(), float("nan"), "answer 1 must be a finite number"),
        (Number(), True, "answer 1 must be a finite number"),
        (TimeToEvent(), {"time": 0, "event": True}, "answer 1.time must be above 0"),
        (TimeToEvent(), {"time": 1, "event": 1}, "answer 1.event"),
        (TimeToEvent(), 5, "answer 1 must hold time and event"),
    ],
)
def test_a_wrong_answer_is_named_with_its_place(task, answer, message):
    with pytest.raises(InvalidLabel, match=message):
        task.encode([None, answer])


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((0, 4), int), "mask 0 is empty"),
        (np.zeros((4, 4)), "whole numbers"),
        (np.full((4, 4), 3), "holds 3; it may hold -1"),
        (np.full((4, 4), -2), "holds -2"),
        (np.zeros(4, int), "2D or 3D"),
    ],
)
def test_a_wrong_mask_is_named(mask, message):
    with pytest.raises(InvalidLabel, match=message):
        ORGANS.encode([mask])


@pytest.mark.parametrize(
    ("task", "labels", "message"),
    [
        (ONE, [1, 1, 1, -1], r"at least two answers \(no: 0, yes: 3\)"),
        (MANY, [[1, 0], [1, 0], [1, np.nan]], "mass: 3 with, 0 without"),
        (GRADE, [2, 2, 2], "at least two answers"),
        (Number(), [4.0, 4.0, np.nan], "different numbers"),
        (TimeToEvent(), [[1, 1], [2, 0], [3, 0]], "1 events in 3"),
        (ORGANS, [np.zeros((4, 4)), np.full((4, 4), -1)], "None of 2 masks shows any of liver"),
    ],
)
def test_labels_that_teach_nothing_are_refused_with_a_reason(task, labels, message):
    with pytest.raises(Unlearnable, match=message):
        task.require_learnable(labels if task.is_dense else np.asarray(labels))


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize(
    ("task", "known", "unknown"),
    [
        (ONE, torch.tensor([1]), torch.tensor([-1])),
        (MANY, torch.tensor([[1.0, 0.0]]), torch.full((1, 2), math.nan)),
        (GRADE, torch.tensor([2]), torch.tensor([-1])),
        (Number(1.0, 2.0), torch.tensor([4.0]), torch.tensor([math.nan])),
        (TimeToEvent(), torch.tensor([[1.0, 1.0]]), torch.full((1, 2), math.nan)),
    ],
    ids=lambda v: getattr(v, "kind", ""),
)
def test_a_missing_label_changes_neither_loss_nor_gradient(task, known, unknown, gamma):
    weighting = Weighting(focal_gamma=gamma)
    outputs = torch.randn(3, task.outputs, generator=torch.Generator().manual_seed(0))
    outputs.requires_grad_()
    labels = torch.cat([known, unknown, known])
    loss = task.loss(outputs, labels, weighting)
    alone = task.loss(outputs[[0, 2]], labels[[0, 2]], weighting)
    assert loss.item() == pytest.approx(alone.item(), rel=1e-6)
    loss.backward()
    assert (outputs.grad[1] == 0).all()
    nothing = task.loss(outputs, torch.cat([unknown] * 3), weighting)
    assert nothing.item() == 0
    nothing.backward()
    assert torch.isfinite(outputs.grad).all()


def test_one_missing_finding_leaves_the_others_of_its_case():
    outputs = torch.zeros(1, 2)
    loss = MANY.loss(outputs, torch.tensor([[1.0, math.nan]]), Weighting())
    assert float(loss) == pytest.approx(math.log(2))


def test_cross_entropy_equals_torch_with_weights_and_smoothing():
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, -1, 1])
    weights = torch.tensor([1.0, 3.0, 0.5])
    ours = losses.focal_cross_entropy(logits, labels, gamma=0, weights=weights, smoothing=0.1)
    theirs = functional.cross_entropy(
        logits, labels, weight=weights, label_smoothing=0.1, ignore_index=-1
    )
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)


def test_focal_loss_by_hand():
    """One sample with p = 0.8 and gamma 2: 0.2^2 * -ln 0.8."""
    logits = torch.tensor([[0.0, math.log(4)]])
    loss = losses.focal_cross_entropy(logits, torch.tensor([1]), gamma=2, weights=None, smoothing=0)
    assert float(loss) == pytest.approx(0.04 * -math.log(0.8), rel=1e-5)


def test_cox_loss_by_hand():
    """Times 1 (event), 2 (censored), 3 (event), 4 (event) with risks a, b, c, d."""
    a, b, c, d = 0.5, -0.2, 1.0, 0.1
    e = math.exp
    likelihood = (a - math.log(e(a) + e(b) + e(c) + e(d))) + (c - math.log(e(c) + e(d))) + (d - d)
    loss = losses.cox_loss(
        torch.tensor([c, a, d, b]), torch.tensor([3.0, 1.0, 4.0, 2.0]),
        torch.tensor([1.0, 1.0, 1.0, 0.0]),
    )  # fmt: skip
    assert float(loss) == pytest.approx(-likelihood / 3, rel=1e-6)


def test_cox_loss_with_ties_after_efron_by_hand():
    """Two events at time 1 and one survivor: the second of the tie sees half of both."""
    a, b, c = 0.3, -0.4, 0.9
    e = math.exp
    everyone, tied = e(a) + e(b) + e(c), e(a) + e(b)
    likelihood = a + b - math.log(everyone) - math.log(everyone - tied / 2)
    loss = losses.cox_loss(
        torch.tensor([a, b, c]), torch.tensor([1.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 0.0])
    )
    assert float(loss) == pytest.approx(-likelihood / 2, rel=1e-6)


def test_cox_loss_of_equal_risks_is_the_log_of_a_factorial():
    """Without ties and with equal risks every order is equally likely: -ln(1 / n!) / n."""
    count = 7
    loss = losses.cox_loss(
        torch.zeros(count), torch.arange(1, count + 1).float(), torch.ones(count)
    )
    assert float(loss) == pytest.approx(math.lgamma(count + 1) / count, rel=1e-6)


def test_cox_loss_does_not_overflow_and_ignores_a_common_shift():
    risk, times = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0])
    near = losses.cox_loss(risk, times, torch.ones(3))
    far = losses.cox_loss(risk + 1000, times, torch.ones(3))
    assert float(far) == pytest.approx(float(near), rel=1e-5)


def test_cumulative_grades_never_cross_and_sum_to_one():
    outputs = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)) * 5
    probabilities = losses.ordinal_probabilities(outputs)
    assert probabilities.min() >= 0
    torch.testing.assert_close(probabilities.sum(1), torch.ones(100))


def test_ordinal_loss_by_hand():
    """Grade 1 of 0..2 with P(y > 0) = sigmoid(1) and P(y > 1) = sigmoid(1 - softplus(0))."""
    second = 1 - math.log(2)
    above = [1 / (1 + math.exp(-v)) for v in (1, second)]
    expected = (-math.log(above[0]) - math.log(1 - above[1])) / 2
    loss = losses.ordinal_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_a_number_is_learned_standardised_and_predicted_in_its_unit():
    task = Number().fitted(np.float32([10, 20, np.nan, 30]))
    assert (task.mean, task.deviation) == (20.0, pytest.approx(math.sqrt(200 / 3)))
    assert float(task.predictions(torch.tensor([[1.0]]))) == pytest.approx(20 + task.deviation)
    assert float(task.loss(torch.tensor([[0.0]]), torch.tensor([20.0]), Weighting())) == 0


def test_slices_without_labels_do_not_change_the_loss_of_a_segmentation():
    torch.manual_seed(0)
    outputs = torch.randn(1, 3, 4, 8, 8)
    mask = np.random.default_rng(0).integers(0, 3, (4, 8, 8)).astype(np.int16)
    loss = ORGANS.loss(outputs, torch.from_numpy(sparse(mask, [1, 2]))[None], Weighting())
    outputs[:, :, [0, 3]] = 100 * torch.randn(1, 3, 2, 8, 8)
    again = ORGANS.loss(outputs, torch.from_numpy(sparse(mask, [1, 2]))[None], Weighting())
    assert float(again) == pytest.approx(float(loss), rel=1e-6)
    whole = ORGANS.loss(outputs, torch.from_numpy(mask)[None], Weighting())
    assert float(whole) != pytest.approx(float(loss), rel=1e-2)


def test_a_perfect_segmentation_has_no_loss_and_an_unlabeled_one_no_gradient():
    mask = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    perfect = functional.one_hot(mask, 3).permute(0, 3, 1, 2).float() * 50
    assert float(ORGANS.loss(perfect, mask, Weighting())) == pytest.approx(0, abs=1e-4)
    outputs = torch.randn(2, 3, 8, 8, requires_grad=True)
    ORGANS.loss(outputs, torch.full((2, 8, 8), -1), Weighting()).backward()
    assert (outputs.grad == 0).all()


def test_weights_and_sampling_favour_the_rare_class():
    labels = np.array([0] * 9 + [1] + [-1])
    weights = OneAnswer(("a", "b", "c")).class_weights(labels)
    assert weights[1] / weights[0] == pytest.approx(3.0)
    assert weights[2] == 0
    drawn = ONE.sampling_weights(labels)
    assert drawn[9] / drawn[0] == pytest.approx(3.0)
    assert drawn[10] == 0
    findings = np.array([[1, 0]] * 4 + [[0, 1]] + [[np.nan, np.nan]])
    drawn = MANY.sampling_weights(findings)
    assert drawn[4] / drawn[0] == pytest.approx(2.0)
    assert drawn[5] == 0


def test_rare_structures_weigh_more_where_asked():
    masks = [np.zeros((4, 8, 8), np.int16), np.full((2, 8, 8), -1, np.int16)]
    masks[0][0, 0, :4], masks[1][0, 0, 0] = 1, 2  # 252 voxels of background, 4 and 1 of structures
    weights = ORGANS.class_weights(masks)
    assert weights[2] / weights[1] == pytest.approx(2.0)
    assert weights[1] / weights[0] == pytest.approx(63**0.5)
    assert ORGANS.class_weights([np.ones((2, 2), np.int16)])[2] == 0
    generator = torch.Generator().manual_seed(0)
    outputs, labels = torch.randn(2, 3, 8, 8, generator=generator), torch.zeros(2, 8, 8).long()
    labels[0, 0, :4], labels[1, 0, 0], labels[1, 1] = 1, 2, -1
    entropy = functional.cross_entropy(outputs, labels, weight=weights, ignore_index=-1)
    dice = losses.soft_dice_loss(outputs.softmax(1), labels)
    found = ORGANS.loss(outputs, labels, Weighting(weights=weights))
    assert found == pytest.approx(float(entropy + dice), abs=1e-5)


def test_rare_grades_weigh_more_where_asked_and_distances_stay():
    task = OrdinalGrade(("a", "b", "c"))
    labels = np.array([0, 0, 0, 0, 2])
    outputs = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    grades = torch.from_numpy(labels)
    weights = task.class_weights(labels)
    each = torch.stack(
        [losses.ordinal_loss(outputs[n : n + 1], grades[n : n + 1]) for n in range(5)]
    )
    share = weights[grades]
    wanted = (each * share).sum() / share.sum()
    assert weights[2] == pytest.approx(2 * weights[0])
    assert task.loss(outputs, grades, Weighting(weights=weights)) == pytest.approx(float(wanted))
    assert task.loss(outputs, grades, Weighting()) == pytest.approx(float(each.mean()))


@pytest.mark.parametrize(
    ("task", "labels", "can"),
    [
        (TimeToEvent(), [[3, 0], [5, 0], [np.nan, np.nan]], False),  # nothing happened
        (TimeToEvent(), [[3, 0], [5, 1]], False),  # nobody was left to compare with
        (TimeToEvent(), [[3, 1], [5, 0]], True),
        (Number(3.0, 2.0), [[np.nan], [np.nan]], False),
        (Number(3.0, 2.0), [[np.nan], [1.0]], True),
    ],
)
def test_a_loss_judges_only_where_its_labels_can_tell(task, labels, can):
    assert task.can_judge(np.asarray(labels, np.float32)) == can
