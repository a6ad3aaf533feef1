"""What several readers' masks agree on, voxel by voxel."""

import numpy as np
import pytest

from learning.pipeline.masks import agreed
from learning.training.tasks.segmentation import UNLABELED

OPEN = UNLABELED


@pytest.mark.parametrize(
    ("reads", "wanted"),
    [
        ([[1, 0, 2]], [1, 0, 2]),
        ([[1, 0, 2], [1, 1, 2]], [1, OPEN, 2]),
        # One who was not asked of a slice does not gainsay the other.
        ([[1, 0, OPEN], [OPEN, 0, 2]], [1, 0, 2]),
        ([[1, 1, OPEN], [2, OPEN, OPEN], [1, 1, OPEN]], [OPEN, 1, OPEN]),
        ([[1], [2], [OPEN]], [OPEN]),
    ],
)
def test_voxels_on_which_readers_differ_stay_open(reads, wanted):
    found = agreed([np.asarray([[read]], np.int16) for read in reads])
    assert found.tolist() == [[wanted]]
    assert found.dtype == np.int16
