"""What a worker keeps between two refits, and when it looks again."""

import numpy as np
import pytest

from annotation.core.jobs import JobState
from annotation.datasets.models import Split
from annotation.datasets.services import prescribe_splits
from annotation.labeling.models import Case
from annotation.labeling.services import reading
from annotation.labeling.services.claiming import release
from annotation.labeling.services.projects import change_settings
from learning.models import EMBEDDING_SIZE, Embedding, EncoderVersion
from learning.services import cohorts, embeddings, heads
from learning.services.cohorts import cohort_of
from learning.services.knowledge import knowledge_of
from learning.services.targets import create_target
from tests import factories


@pytest.fixture
def loads(monkeypatch):
    """How often all vectors of which encoder were read."""
    found = []

    def counted(encoder):
        found.append(encoder.number)
        return embeddings.load_space(encoder)

    monkeypatch.setattr(cohorts, "load_space", counted)
    return found


@pytest.fixture
def cases(cast):
    return factories.make_empty_cases(cast.project, 6)


@pytest.fixture
def encoder(cast, cases):
    return make_encoder(cast.project, 1, cases[:5])


def make_encoder(project, number, cases):
    made = EncoderVersion.objects.create(
        project=project, number=number, is_ready=True, state=JobState.COMPLETED
    )
    for case in cases:
        embed(made, case)
    return made


def embed(encoder, case):
    vector = np.zeros(EMBEDDING_SIZE)
    vector[Embedding.objects.count() % EMBEDDING_SIZE] = 1
    return Embedding.objects.create(encoder=encoder, case=case, vector=vector)


def test_vectors_are_read_once_and_cannot_be_changed(encoder, loads):
    first, again = cohort_of(encoder), cohort_of(EncoderVersion.objects.get())
    assert again is first
    assert loads == [1]
    with pytest.raises(ValueError, match="read-only"):
        first.space.vectors[0] = 0


def test_a_vector_that_arrives_is_seen_at_once(encoder, cases, loads):
    assert len(cohort_of(encoder).space.cases) == 5
    Embedding.objects.create(encoder=encoder, case=cases[5], reason="no image")
    assert len(cohort_of(encoder).space.cases) == 5
    assert loads == [1]
    other = factories.make_empty_cases(encoder.project, 1)[0]
    stored = embed(encoder, other)
    found = cohort_of(encoder)
    assert np.array_equal(found.space.vectors[found.row_of[other.pk]], stored.vector)
    assert loads == [1, 1]


def test_a_vector_in_the_place_of_another_is_seen(encoder, cases):
    before = cohort_of(encoder)
    Embedding.objects.filter(case=cases[0]).delete()
    embed(encoder, cases[0])
    after = cohort_of(encoder)
    row = after.row_of[cases[0].pk]
    assert not np.array_equal(before.space.vectors[row], after.space.vectors[row])


def test_a_case_that_is_deleted_is_gone(encoder, cases):
    assert cases[0].pk in cohort_of(encoder).row_of
    Case.objects.filter(pk=cases[0].pk).delete()
    assert cases[0].pk not in cohort_of(encoder).row_of


def test_a_patient_who_is_prescribed_another_split_moves(encoder, cases):
    cohort_of(encoder)
    for split in (Split.TEST, Split.TRAIN, Split.VALIDATION):
        encoder.project.split_policy.prescribed.all().delete()
        prescribe_splits(
            project=encoder.project, split_of_patient={cases[0].study.patient_id: split}
        )
        found = cohort_of(encoder)
        assert found.splits[found.row_of[cases[0].pk]] == split


def test_what_can_be_drawn_is_asked_every_time(cast, encoder, cases, loads):
    target = create_target(actor=cast.manager, project=cast.project, question="nodule")
    assert knowledge_of(target, encoder).is_drawable.all()
    factories.import_answer(cast.annotator, cases[0], "yes")
    known = knowledge_of(target, encoder)
    row = known.space.cases.index(cases[0].pk)
    assert np.flatnonzero(~known.is_drawable).tolist() == [row]
    assert np.flatnonzero(known.is_known).tolist() == [row]
    assert loads == [1]


def test_no_head_draws_what_nobody_can_be_served(cast, encoder, cases):
    prescribe_splits(
        project=cast.project, split_of_patient={c.study.patient_id: Split.TRAIN for c in cases[:4]}
    )
    target = create_target(actor=cast.manager, project=cast.project, question="nodule")
    held = [case.pk for case in cases[:2]]
    Case.objects.filter(pk__in=held).update(free_slots=0)
    version = heads.refit(target, seed=1)
    known = knowledge_of(target, encoder)
    drawn = set(version.picks.values_list("case_id", flat=True))
    assert version.pool_size == len(known.pool) == int(known.is_training.sum()) - 2
    assert drawn == {case.pk for case in cases[2:5]}


def test_a_case_that_waits_for_its_second_reader_is_not_drawn_again_but_comes_first(
    cast, encoder, cases
):
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    target = create_target(actor=cast.manager, project=cast.project, question="nodule")
    first = heads.refit(target, seed=1)
    begun = factories.submit_next(cast.annotator, cast.project).case
    second = heads.refit(target, seed=2)
    assert first.picks.filter(case=begun).exists()
    assert not second.picks.filter(case=begun).exists()
    begun.refresh_from_db()
    assert begun.ranking_id == first.pk
    assert factories.claim(cast.annotator2, cast.project).case == begun
    assert factories.claim(cast.annotator, cast.project).ranking_id == second.pk


def test_what_was_begun_outside_the_front_comes_there_with_the_next_draw(cast, encoder, cases):
    """As audits, and what is asked of more readers later: by rank alone it would never be finished."""
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    target = create_target(actor=cast.manager, project=cast.project, question="nodule")
    begun = factories.submit_next(cast.annotator, cast.project).case
    put_aside = factories.claim(cast.annotator, cast.project)
    reading.open_annotation(reader=cast.annotator, case=put_aside.case)
    release(assignment=put_aside)
    version = heads.refit(target, seed=1)
    picked = set(version.picks.values_list("case", flat=True))
    assert not picked & {begun.pk, put_aside.case_id}
    begun.refresh_from_db()
    assert (begun.front > 0, begun.ranking_id) == (True, None)
    assert Case.objects.get(pk=put_aside.case_id).front > 0
    assert factories.claim(cast.annotator2, cast.project).case_id in {begun.pk, put_aside.case_id}


def test_only_what_fits_is_kept_the_last_used_first(cast, encoder, cases, loads, monkeypatch):
    one = 5 * EMBEDDING_SIZE * 4
    monkeypatch.setattr(cohorts, "KEPT_BYTES", 2 * one)
    monkeypatch.setattr(cohorts, "_KEPT", cohorts._Kept())
    second, third = (make_encoder(cast.project, number, cases[:5]) for number in (2, 3))
    for used in (encoder, second, encoder, third, encoder, second):
        cohort_of(used)
    assert loads == [1, 2, 3, 2]
    monkeypatch.setattr(cohorts, "KEPT_BYTES", one - 1)
    assert len(cohort_of(third).space.cases) == 5
