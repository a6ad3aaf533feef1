"""No way from a test case into training: not by its patient, not by a copy under another name."""

import numpy as np
import pytest
from django.utils import timezone
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage

from annotation.archive.models import Instance, Series, SeriesPreparation, Study
from annotation.archive.services import preparation
from annotation.core import jobs
from annotation.core.errors import InvalidInput
from annotation.core.models import AuditEvent
from annotation.datasets import grouping
from annotation.datasets import services as datasets
from annotation.datasets.likeness import MOST_ALIKE, Picture, first_of_alike
from annotation.datasets.models import DatasetItem, Split
from annotation.datasets.splitter import Splitter
from annotation.dicomweb.dicomjson import join_for_preparation
from annotation.imaging.near_duplicates import WORDS
from learning import embedding, pipeline, pretraining
from learning.models import Embedding, EncoderVersion, ModelVersion, Round, SeenStudies
from learning.services import rounds, targets
from learning.services.cohorts import cohort_of
from learning.services.leaks import leaked_patients
from learning.services.pretraining import request_pretraining
from tests import factories
from tests.learning.conftest import TINY

COPIES = 24


def give_hashes(cases, hashes, image=None, number=1):
    """As if a series of each, which came with its study, had been prepared with these pictures; of one image where
    something is said of it."""
    for case, words in zip(cases, hashes, strict=True):
        uid = f"{case.study.study_instance_uid}.{number}"
        series = Series.objects.create(study=case.study, series_instance_uid=uid, dicom_json={})
        content = np.asarray(words, "<u8").tobytes()
        SeriesPreparation.objects.create(series=series, image_hash=content, state="completed")
        came = case.study.created_at
        SeriesPreparation.objects.filter(series=series).update(changed_at=came)
        if image is not None:
            known = {
                "sop_instance_uid": f"{uid}.1", "sop_class_uid": CTImageStorage, "sha256": "0" * 64,
                "size_bytes": 1, "number_of_frames": 1, "frame_index": {}, "dicom_json": {},
            }  # fmt: skip
            Instance.objects.create(
                collection=case.study.collection, series=series, **{**known, **image}
            )


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
    cases = factories.make_empty_cases(cast.project, MOST_ALIKE + 1)
    give_hashes(cases, np.ones((len(cases), WORDS), np.uint64))
    assert grouping.regroup(datasets.policy_of(cast.project)) == 0


@pytest.mark.parametrize(
    ("count", "page"),
    [
        (MOST_ALIKE + 5, {}),
        (10, {"sop_class_uid": SecondaryCaptureImageStorage}),
        (10, {"dicom_json": {"00080008": {"vr": "CS", "Value": ["DERIVED", "SECONDARY"]}}}),
    ],
    ids=["of more patients than are alike", "captured from a screen", "made later"],
)
def test_a_page_that_every_study_carries_hides_no_copy_and_groups_nobody_else(count, page, cast):
    cases = factories.make_empty_cases(cast.project, count)
    own = np.random.default_rng(0).integers(0, 2**63, (count, WORDS), dtype=np.uint64)
    own[-1] = own[0] ^ np.uint64(1)
    give_hashes(cases, own, {})
    give_hashes(cases, np.ones((count, WORDS), np.uint64), page, number=2)
    policy = datasets.policy_of(cast.project)
    assert grouping.regroup(policy) == 1
    assert splits_of(cast.project, cases[:1]) == splits_of(cast.project, cases[-1:])


def test_pages_of_several_kinds_chain_nobody_together():
    """Each page is shown by few enough, and who shows two of them links those who show either."""
    names = [str(number) for number in range(40)]
    hashes = np.random.default_rng(0).integers(0, 2**63, (42, WORDS), dtype=np.uint64)
    own = [(name, hashes[number]) for number, name in enumerate(names)]
    pages = [(name, hashes[40]) for name in names[:20]] + [
        (name, hashes[41]) for name in names[19:39]
    ]
    copy = ("39", hashes[5] ^ np.uint64(1))
    pictures = [Picture(name, words.tobytes(), True) for name, words in [*own, *pages, copy]]
    assert first_of_alike(pictures) == {"5": "5", "39": "5"}
    assert first_of_alike([]) == {}


def test_a_patient_with_pages_alone_is_known_by_them():
    pages = [Picture(name, np.ones(WORDS, "<u8").tobytes(), False) for name in ("one", "other")]
    assert first_of_alike(pages) == {"one": "one", "other": "one"}


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


def test_a_copy_that_came_first_goes_where_its_original_is_prescribed(cast, originals_and_copies):
    first, later = originals_and_copies  # the first of a group is the one that came first
    datasets.prescribe_splits(
        project=cast.project,
        split_of_patient={case.study.patient_id: Split.TEST for case in later},
    )
    grouping.regroup(datasets.policy_of(cast.project))
    assert set(splits_of(cast.project, first)) == {Split.TEST}


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


# Weights of another project --------------------------------------------------------------------


@pytest.fixture
def elsewhere(cast):
    """Another project of the same manager that has learned from four patients and chosen by a fifth."""
    other = factories.make_project(cast.manager, "Elsewhere too")
    cases = factories.make_empty_cases(other, 5)
    splits = [Split.TRAIN] * 4 + [Split.VALIDATION]
    prescribe(other, cases, splits)
    for case in cases:
        factories.import_answer(cast.annotator, case, "no")
    give_hashes(cases, np.arange(5 * WORDS, dtype=np.uint64).reshape(5, WORDS) << np.uint64(40))
    return cases


def prescribe(project, cases, splits):
    of_patient = {c.study.patient_id: s for c, s in zip(cases, splits, strict=True)}
    datasets.prescribe_splits(project=project, split_of_patient=of_patient)


def rename(cases, name):
    """The same studies of patients that nobody else has."""
    for number, case in enumerate(cases):
        Study.objects.filter(pk=case.study_id).update(patient_id=f"{name} {number}")
        case.study.refresh_from_db()


def trained(target, dataset=None, start=None):
    """A version of a round that is as good as run."""
    number = target.rounds.count() + 1
    round_ = Round.objects.create(
        target=target, number=number, trigger="manual", strategy="margin", seed=1, config={},
        code_revision="", dataset=dataset, start=start or {}, state="completed",
    )  # fmt: skip
    return ModelVersion.objects.create(
        target=target, round=round_, number=number, weights_sha256="0" * 64, classes=["no", "yes"]
    )


def model_of(cast, cases):
    project = cases[0].project
    frozen = datasets.freeze(project=project, name="d", actor=cast.manager)
    return trained(
        targets.create_target(actor=cast.manager, project=project, question="nodule"), frozen
    )


def begin_at(cast, version):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule",
        start={"model_version": str(version.pk)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("split", "count"), [(Split.TEST, 5), (Split.VALIDATION, 4), (Split.TRAIN, 0)]
)
def test_weights_that_know_held_out_patients_are_refused_with_their_number(
    split, count, cast, elsewhere
):
    version = model_of(cast, elsewhere)
    cases = factories.make_empty_cases(cast.project, 6)  # five of them of the same patients
    prescribe(cast.project, cases, [split] * 6)
    start = {"model_version": str(version.pk)}
    assert len(leaked_patients(project=cast.project, start=start)) == count
    if count:
        with pytest.raises(InvalidInput, match=f"learned from {count} of the patients") as refused:
            begin_at(cast, version)
        assert refused.value.extra == {"field": "start", "leaked_patients": count}


def test_the_whole_chain_of_starts_counts(cast, elsewhere):
    first = model_of(cast, elsewhere)
    harmless = factories.make_project(cast.manager, "Between")
    factories.import_answer(cast.annotator, factories.make_cases(harmless, 1)[0], "no")
    frozen = datasets.freeze(project=harmless, name="d", actor=cast.manager)
    target = targets.create_target(actor=cast.manager, project=harmless, question="nodule")
    between = trained(target, frozen, {"model_version": str(first.pk)})
    prescribe(cast.project, factories.make_empty_cases(cast.project, 2), [Split.TEST] * 2)
    with pytest.raises(InvalidInput, match="learned from 2 of the patients"):
        begin_at(cast, between)


def test_a_picture_under_another_name_is_known_too(cast, elsewhere):
    version = model_of(cast, elsewhere)
    cases = factories.make_empty_cases(cast.project, 3)
    rename(cases, "renamed")
    prescribe(cast.project, cases, [Split.TEST] * 3)
    begin_at(cast, version)  # nothing is known of the pictures yet
    shown = np.frombuffer(bytes(SeriesPreparation.objects.first().image_hash), "<u8")
    give_hashes(cases[:1], [shown ^ np.uint64(1)])
    assert len(leaked_patients(
        project=cast.project, start={"model_version": str(version.pk)}
    )) == 1  # fmt: skip


def test_a_page_that_both_projects_carry_hides_no_copy_and_makes_nobody_known(cast, elsewhere):
    version = model_of(cast, elsewhere)
    cases = factories.make_empty_cases(cast.project, MOST_ALIKE)
    rename(cases, "renamed")
    prescribe(cast.project, cases, [Split.TEST] * len(cases))
    both = [*elsewhere, *cases]
    page = np.random.default_rng(0).integers(0, 2**63, WORDS, dtype=np.uint64)
    give_hashes(both, [page] * len(both), number=2)
    start = {"model_version": str(version.pk)}
    assert not leaked_patients(project=cast.project, start=start)
    shown = SeriesPreparation.objects.get(
        series__study=elsewhere[0].study, series__series_instance_uid__endswith=".1"
    )
    words = np.frombuffer(bytes(shown.image_hash), "<u8")
    give_hashes(cases[:1], [words ^ np.uint64(1)])
    assert len(leaked_patients(project=cast.project, start=start)) == 1


def test_a_network_that_was_pre_trained_elsewhere_is_refused_likewise(cast, elsewhere):
    encoder = EncoderVersion.objects.create(
        project=elsewhere[0].project, number=1, kind="pretrained", state="completed",
        finished_at=timezone.now(),
    )  # fmt: skip
    prescribe(cast.project, factories.make_empty_cases(cast.project, 5), [Split.TEST] * 5)
    with pytest.raises(InvalidInput, match="learned from 4 of the patients"):
        targets.create_target(
            actor=None, project=cast.project, question="nodule", start={"encoder": str(encoder.pk)}
        )


def test_a_round_refuses_what_has_become_a_leak_since_it_was_chosen(cast, elsewhere):
    target = begin_at(cast, model_of(cast, elsewhere))
    cases = factories.make_empty_cases(cast.project, 2)
    prescribe(cast.project, cases, [Split.TRAIN, Split.TEST])
    factories.import_answer(cast.annotator, cases[0], "no")
    created = rounds.request_round(target=target, trigger="manual")
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert (created.state, "learned from 1 of the patients" in created.error) == ("failed", True)


# Copies that are found after weights have learned from them ---------------------------------------


@pytest.fixture
def test_case_and_copy(cast):
    """Among training patients one of the test set, and one who goes to training as long as alone."""
    made = factories.make_cases(cast.project, 24)
    cases = sorted(made, key=lambda case: (case.created_at, case.pk))  # the first leads
    splitter = Splitter(datasets.policy_of(cast.project))
    copy = next(c for c in cases[1:] if splitter.split(splitter.patient_key(c)) == Split.TRAIN)
    others = [case for case in cases[1:] if case != copy]
    prescribe(cast.project, [cases[0], *others], [Split.TEST] + [Split.TRAIN] * len(others))
    factories.import_answer(cast.annotator, others[0], "no")
    return cases[0], copy


def look_alike(cases):
    give_hashes(cases, np.ones((len(cases), WORDS), np.uint64))


def pretrained(cast, target):
    asked = request_pretraining(actor=cast.manager, target=target, steps=1)
    jobs.execute(EncoderVersion, asked.pk, pretraining.run_pretraining)
    asked.refresh_from_db()
    assert asked.state == jobs.JobState.COMPLETED, asked.error
    return asked


@pytest.fixture
def target(cast):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", config=TINY
    )


def test_pre_training_leaves_out_copies_of_held_out_pictures(cast, target, test_case_and_copy):
    look_alike(test_case_and_copy)
    seen = SeenStudies.objects.get(encoder=pretrained(cast, target)).studies
    assert len(seen) == 22
    assert not {case.study_id for case in test_case_and_copy} & set(seen)


def test_a_round_refuses_pre_trained_weights_that_knew_a_copy_before_it_was_found(
    cast, target, test_case_and_copy
):
    encoder = pretrained(cast, target)
    start = {"encoder": str(encoder.pk)}
    changed = targets.change_target(actor=cast.manager, target=target, start=start)
    look_alike(test_case_and_copy)
    created = rounds.request_round(target=changed, trigger="manual")
    jobs.execute(Round, created.pk, pipeline.run_round)
    created.refresh_from_db()
    assert splits_of(cast.project, test_case_and_copy) == ["test", "test"]
    assert (created.state, "learned from 1 of the patients" in created.error) == ("failed", True)


def test_weights_of_before_anybody_noted_whom_they_saw_may_know_copies(
    cast, target, test_case_and_copy
):
    encoder = pretrained(cast, target)
    SeenStudies.objects.all().delete()
    look_alike(test_case_and_copy)
    grouping.regroup(datasets.policy_of(cast.project))
    start = {"encoder": str(encoder.pk)}
    assert len(leaked_patients(project=cast.project, start=start)) == 1


def test_a_head_is_not_measured_on_patients_whom_its_encoder_knows(cast, test_case_and_copy):
    encoder = EncoderVersion.objects.create(project=cast.project, number=1)
    jobs.execute(EncoderVersion, encoder.pk, embedding.run_encoder)
    assert Embedding.objects.filter(vector__isnull=False).count() == 24
    assert len(SeenStudies.objects.get(encoder=encoder).studies) == 23
    row = cohort_of(encoder).row_of[test_case_and_copy[0].pk]
    assert cohort_of(encoder).splits[row] == Split.TEST
    look_alike(test_case_and_copy)
    grouping.regroup(datasets.policy_of(cast.project))
    found = cohort_of(encoder)
    assert {found.splits[found.row_of[case.pk]] for case in test_case_and_copy} == {""}
