"""No way from a test case into training: not by its patient, not by a copy under another name."""

import numpy as np
import pytest

from annotation.archive.models import Series, SeriesPreparation
from annotation.archive.services import preparation
from annotation.core.models import AuditEvent
from annotation.datasets import grouping
from annotation.datasets import services as datasets
from annotation.datasets.models import DatasetItem, Split
from annotation.datasets.splitter import Splitter
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.imaging.near_duplicates import WORDS
from tests import factories

COPIES = 24


def give_hashes(cases, hashes):
    """As if the series had been prepared with these pictures."""
    for case, words in zip(cases, hashes, strict=True):
        series = Series.objects.create(
            study=case.study,
            series_instance_uid=f"{case.study.study_instance_uid}.1",
            dicom_json={},
        )
        content = np.asarray(words, "<u8").tobytes()
        SeriesPreparation.objects.create(series=series, image_hash=content, state="completed")


@pytest.fixture
def originals_and_copies(cast):
    """Cases of as many patients; the second half shows what the first does, one bit beside it."""
    cases = factories.make_empty_cases(cast.project, 2 * COPIES)
    hashes = np.random.default_rng(0).integers(0, 2**63, (COPIES, WORDS), dtype=np.uint64)
    give_hashes(cases, [*hashes, *(hashes ^ np.uint64(1))])
    return cases[:COPIES], cases[COPIES:]


def splits_of(project, cases):
    splitter = Splitter(datasets.policy_of(project))
    return [splitter.split(splitter.patient_key(case)) for case in cases]


def test_copies_under_other_names_go_where_the_original_goes(cast, originals_and_copies):
    originals, copies = originals_and_copies
    before = splits_of(cast.project, copies)
    assert grouping.regroup(datasets.policy_of(cast.project)) == COPIES
    assert splits_of(cast.project, copies) == splits_of(cast.project, originals)
    assert splits_of(cast.project, copies) != before
    assert set(splits_of(cast.project, copies)) >= {Split.TRAIN, Split.TEST}


def test_a_frozen_dataset_has_no_picture_on_both_sides(cast, originals_and_copies):
    for case in [case for both in originals_and_copies for case in both]:
        factories.import_answer(cast.annotator, case, "no")
    datasets.freeze(project=cast.project, name="d", actor=cast.manager)
    split_of = dict(DatasetItem.objects.values_list("case", "split"))
    assert len(split_of) == 2 * COPIES
    for original, copy in zip(*originals_and_copies, strict=True):
        assert split_of[original.pk] == split_of[copy.pk]
    assert AuditEvent.objects.filter(action="patients_grouped").count() == 1


def test_a_picture_that_everybody_shows_groups_nobody(cast):
    cases = factories.make_empty_cases(cast.project, grouping.MOST_ALIKE + 1)
    give_hashes(cases, np.ones((len(cases), WORDS), np.uint64))
    assert grouping.regroup(datasets.policy_of(cast.project)) == 0


def test_a_prescribed_split_stays_and_draws_unknown_copies_to_it(cast, originals_and_copies):
    originals, copies = originals_and_copies
    datasets.prescribe_splits(
        project=cast.project,
        split_of_patient={originals[0].study.patient_id: Split.TEST, copies[1].study.patient_id: Split.TRAIN},
    )  # fmt: skip
    grouping.regroup(datasets.policy_of(cast.project))
    assert splits_of(cast.project, [originals[0], copies[0], copies[1]]) == [
        "test",
        "test",
        "train",
    ]


def test_what_is_no_longer_alike_is_no_longer_grouped(cast, originals_and_copies):
    policy = datasets.policy_of(cast.project)
    grouping.regroup(policy)
    SeriesPreparation.objects.filter(
        series__study__in=[c.study for c in originals_and_copies[1]]
    ).update(image_hash=None)
    assert grouping.regroup(policy) == 0
    assert not policy.groups.exists()


def test_preparing_a_series_keeps_what_it_shows(cast):
    factories.make_study(cast.project, "one", patient="A", side=256)
    factories.make_study(cast.project, "other", patient="B", side=256)
    SeriesPreparation.objects.update(changed_at="2020-01-01T00:00Z")
    assert preparation.prepare_due(join_metadata=join_for_preparation, budget_s=60) == 2
    hashes = [bytes(row) for row in SeriesPreparation.objects.values_list("image_hash", flat=True)]
    assert [len(content) for content in hashes] == [8 * WORDS] * 2
    assert hashes[0] != hashes[1]
