"""What the tests of rounds and of what surrounds them begin with."""

import pytest

from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from learning.services import targets
from tests import factories

TINY = {"side": 32, "batch_size": 8, "epochs": 1, "min_steps": 12, "evaluations": 3}


@pytest.fixture
def labeled_target(cast):
    """A target with eight labeled training cases, two of validation and two of test."""
    cases = factories.make_labeled_cases(cast.project, cast.annotator, 12)
    splits = [Split.TRAIN] * 8 + [Split.VALIDATION] * 2 + [Split.TEST] * 2
    patients = [case.study.patient_id for case in cases]
    prescribe_splits(
        project=cast.project, split_of_patient=dict(zip(patients, splits, strict=True))
    )
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=TINY
    )
