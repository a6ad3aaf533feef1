"""Single slices of volumes: asked of readers, drawn, learned from, and asked anew by a model."""

from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest

from annotation.core.errors import InvalidInput
from annotation.datasets.models import Split
from annotation.labeling.models import AskedSlices, Case, Revision
from annotation.labeling.services import claiming, reading
from annotation.labeling.services.asked import Asked, ask_for_slices
from annotation.labeling.services.projects import add_cases, publish_schema
from annotation.labeling.services.ranking import Ranked, publish_ranking
from learning.models import Prediction
from learning.pipeline.asking import ask_for_spread_slices
from learning.services import asking, targets
from learning.services.naming import origin_of
from learning.training.tasks.segmentation import UNLABELED
from tests import factories
from tests.learning.test_arrivals import arrived
from tests.learning.test_kinds import DEFINITION, drawn, labeled, make_volume, run, split
from tests.learning.test_mask_rounds import CONFIG, DEEP, labels_of

HELD_OUT = (Split.VALIDATION, *[Split.TEST] * 2)
LABELS = np.zeros((8, 32, 32), np.uint8)
LABELS[2:6, 8:20, 8:20] = 3


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    return cast.project


@pytest.fixture
def pool(cast, project):
    """Volumes to draw on, and three that measure and are drawn whole."""
    contents = [drawn(project, LABELS) for _ in HELD_OUT]
    labeled(
        project, cast.annotator, contents, splits=HELD_OUT,
        make=lambda n: make_volume(project, f"held out {n}"),
    )  # fmt: skip
    add_cases(project=project, studies=[make_volume(project, f"pool {n}") for n in range(6)])
    cases = list(Case.objects.filter(project=project, state="open").select_related("study"))
    split(project, cases, [Split.TRAIN] * 5 + [Split.TEST])
    return cases


def target_of(cast, strategy="class_entropy", spec=DEEP):
    return targets.create_target(
        actor=cast.manager, project=cast.project, kind="segmentation", strategy=strategy,
        options={"layer": 0, "slices": 2}, input=spec, config=CONFIG | {"min_steps": 6},
    )  # fmt: skip


def asked_of(target):
    rows = AskedSlices.objects.filter(origin=origin_of(target))
    return {row.case_id: row for row in rows}


def read(cast, project):
    """The next case, drawn as it is."""
    assignment = factories.claim(cast.annotator, project)
    case = Case.objects.select_related("project", "study").get(pk=assignment.case_id)
    annotation = reading.open_annotation(reader=cast.annotator, case=case)
    reading.submit(
        actor=cast.annotator, annotation=annotation, content=drawn(project, LABELS)(case), version=1
    )
    return annotation


def test_slices_go_from_the_target_through_the_reads_into_the_model_and_back(cast, pool, tmp_path):
    target = target_of(cast)
    assert ask_for_spread_slices(target) == 5
    first = asked_of(target)
    *training, held_out = pool
    assert first.keys() == {case.pk for case in pool}
    assert first[held_out.pk].slices == []
    assert {len(first[case.pk].slices) for case in training} == {2}
    assert ask_for_spread_slices(target) == 0  # nothing is left to say

    reads = [read(cast, target.project) for _ in range(4)]
    asked = {one.case_id: one.asked for one in reads}
    for case in training:
        if case.pk in asked:
            [one] = asked[case.pk]
            assert one["slices"] == [s["slice"] for s in first[case.pk].slices]
            assert Revision.objects.get(annotation__case=case).asked == [one]

    done = run(target)
    assert done.metrics["excluded"] == []
    labels = labels_of(done, tmp_path)  # whole masks were drawn; what was asked alone teaches
    known = (labels != UNLABELED).all(axis=(2, 3))
    assert (labels != UNLABELED).any(axis=(2, 3)).sum() == known.sum()
    read_of_pool = [case for case in training if case.pk in asked]
    assert known.sum(axis=1).tolist() == [2] * len(read_of_pool)

    left = [case for case in training if case.pk not in asked]
    after = asked_of(target)
    for case in left:
        assert {one["arm"].split(":")[0] for one in after[case.pk].slices} <= {
            "class", "entropy", "uniform",
        }  # fmt: skip
        assert all(0 < one["propensity"] <= 1 for one in after[case.pk].slices)
    assert after[held_out.pk].slices == []
    assert Prediction.objects.filter(model_version__round=done).count() == 6 - len(reads)


def test_an_audit_and_a_read_that_is_begun_keep_what_they_were_asked(cast, pool):
    target = target_of(cast, "random")
    ask_for_spread_slices(target)
    case = next(one for one in pool if asked_of(target)[one.pk].slices)
    begun = reading.open_annotation(reader=cast.annotator, case=case)
    before = begun.asked
    other = Asked(case.pk, 0, before[0]["series_instance_uid"], [{"slice": "1.2.3:1"}])
    ask_for_slices(origin=origin_of(target), asked=[other])
    assert reading.open_annotation(reader=cast.annotator, case=case).asked == before
    assert reading.open_annotation(reader=cast.annotator2, case=case).asked[0]["slices"] == [
        "1.2.3:1"
    ]

    ranked = [Ranked(one.pk, uuid4(), "", priority=1.0) for one in pool]
    publish_ranking(project=target.project, ranked=ranked)
    target.project.control_share = 1.0
    target.project.save()
    audit = claiming.claim_next(
        reader=cast.reviewer, project=target.project, rng=np.random.default_rng(0)
    )
    assert audit.selection == "control"
    assert reading.open_annotation(reader=cast.reviewer, case=audit.case).asked == []


def test_cases_that_come_later_are_asked_about_by_the_clock(
    cast, pool, django_capture_on_commit_callbacks
):
    target = target_of(cast)
    ask_for_spread_slices(target)
    with django_capture_on_commit_callbacks() as rung:
        asking.ask_due()
    assert rung == []
    add_cases(project=target.project, studies=[make_volume(target.project, "late")])
    with django_capture_on_commit_callbacks() as rung:
        asking.ask_due()
    assert len(rung) == 1
    assert ask_for_spread_slices(target) in (0, 1)  # as its patient falls into training or not
    assert not asking.waiting(target).exists()


def test_a_study_without_a_volume_is_drawn_as_its_reader_likes(cast, project):
    cases = factories.make_empty_cases(project, 3)
    split(project, cases, [Split.TRAIN] * 3)
    target = target_of(cast)
    assert ask_for_spread_slices(target) == 0
    assert [row.slices for row in asked_of(target).values()] == [[]] * 3
    assert reading.open_annotation(reader=cast.annotator, case=cases[0]).asked == []


def test_a_large_pool_is_asked_about_in_parts(cast, pool, monkeypatch):
    monkeypatch.setattr("learning.pipeline.asking.PART", 2)
    monkeypatch.setattr("learning.pipeline.asking.LONGEST_S", -1.0)
    target = target_of(cast)
    parts = [ask_for_spread_slices(target) for _ in range(3)]
    assert (sum(parts), max(parts)) == (5, 2)
    assert not asking.waiting(target).exists()


@pytest.mark.parametrize(
    ("options", "spec", "problem"),
    [
        ({"slices": -1}, DEEP, "slices must be a whole number"),
        ({"slices": 101}, DEEP, "slices must be a whole number"),
        ({"slices": True}, DEEP, "slices must be a whole number"),
        ({"slices": 2}, {**DEEP, "size": [32, 32], "dimensions": "2d"}, "volumes"),
    ],
)
def test_what_cannot_be_asked_is_refused(cast, project, options, spec, problem):
    with pytest.raises(InvalidInput, match=problem):
        targets.create_target(
            actor=cast.manager, project=project, kind="segmentation", options=options, input=spec
        )


def test_an_input_of_one_slice_is_refused_later_too(cast, project):
    target = target_of(cast)
    flat = {**DEEP, "size": [32, 32], "dimensions": "2d"}
    with pytest.raises(InvalidInput, match="single slices are asked of volumes"):
        targets.change_target(actor=cast.manager, target=target, input=flat)


def test_no_slices_are_asked_of_a_study_that_is_still_arriving(cast, pool, settings):
    """They would lie at equal distances in what is there by then, and stay."""
    target = target_of(cast)
    settings.STUDY_QUIET_SECONDS = 60
    first, *others = pool
    arrived(first.study, timedelta(seconds=61))
    assert ask_for_spread_slices(target) == 1
    assert asked_of(target).keys() == {first.pk}
    for case in others:
        arrived(case.study, timedelta(seconds=61))
    ask_for_spread_slices(target)
    assert asked_of(target).keys() == {case.pk for case in pool}
