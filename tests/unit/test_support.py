"""How many patients a figure rests on, counted by hand."""

import numpy as np
import pytest

from learning.training.metrics.figures import Examined

NAN = np.nan


def examined(kind, truth, *, patients=None, outputs=2, predictions=None):
    truth = np.asarray(truth)
    said = np.zeros((len(truth), outputs)) if predictions is None else np.asarray(predictions)
    names = patients or [str(row) for row in range(len(truth))]
    return Examined(kind, truth, said, names)


@pytest.mark.parametrize(
    ("kind", "truth", "outputs", "count"),
    [
        ("one", [0] * 8 + [1] * 2, 2, 2),
        ("one", [1] * 9 + [0], 2, 1),
        ("one", [0] * 6 + [1] * 4 + [2] * 3, 3, 3),
        ("one", [0] * 6 + [2] * 4, 3, 4),  # a class that does not occur enters no mean
        ("one", [0] * 6, 2, 0),
        ("ordinal", [0] * 6 + [1, 2, 3], 4, 3),  # whoever is not of the commonest grade
        ("ordinal", [0, 1, 2, 3], 4, 3),
        ("ordinal", [1] * 6, 4, 0),
        ("many", [[1, 0], [1, 0], [0, 0], [0, 0.0]], 2, 2),  # nobody has the second
        ("many", [[1, 1], [1, NAN], [0, NAN], [0, 0]], 2, 1),
        ("number", [1.5, 2.0, 3.0], 1, 3),
        ("time_to_event", [[5, 1], [4, 0], [3, 0], [2, 1.0]], 1, 2),
        ("boxes", [[2, 0], [1, 1], [0, 0]], 3, 1),
    ],
)
def test_it_is_the_rarest_answer_that_counts(kind, truth, outputs, count):
    assert examined(kind, truth, outputs=outputs).rests_on == count


def test_patients_count_and_not_their_cases():
    assert examined("one", [0, 0, 1, 1, 1], patients=list("abccc")).rests_on == 1


def test_of_masks_it_is_the_rarest_structure_that_somebody_drew():
    organ, tumour, never = [0.9] * 4, [0.7, 0.0, NAN, NAN], [NAN] * 4
    distances = [[1.0] * 4, [2.0, NAN, NAN, NAN], [NAN] * 4]
    truth = [[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0.0]]
    masks = examined(
        "segmentation", truth, predictions=np.array([organ, tumour, never, *distances]).T
    )
    assert masks.rests_on == 2
    assert masks.support("mean_hd95_mm").rests_on(np.arange(4)) == 1
    assert masks.support().rests_on(np.arange(2, 4)) == 2  # of the organ alone


@pytest.mark.parametrize(
    ("figure", "count"),
    [
        ("sensitivity", 2),
        ("specificity", 8),
        ("accuracy", 10),
        ("brier", 10),
        ("f1", 2),
        ("auc", 2),
    ],
)
def test_other_figures_rest_on_others(figure, count):
    test = examined("one", [0] * 8 + [1] * 2)
    assert test.support(figure).rests_on(np.arange(10)) == count
