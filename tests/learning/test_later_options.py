"""Options that a schema gets later: whoever read under an older one did not look for them."""

from copy import deepcopy

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.core import jobs
from annotation.datasets.models import Split
from annotation.datasets.services import freeze
from annotation.labeling.models import Case, CaseState, Suggestion
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import change_settings, publish_schema
from learning import cross_validation
from learning.models import CrossValidation, Scoring
from learning.pipeline import arrivals
from learning.pipeline.examples import answered
from learning.pipeline.kinds import kind_of
from learning.pipeline.series_answers import SeriesAnswers
from learning.services import cross_validations, model_versions, scorings, targets
from learning.services.model_cards import model_card
from tests import factories
from tests.learning.test_kinds import TINY, labeled, open_cases, run
from tests.learning.test_series_answers import T2, make_study, series_of

OLD = {
    "questions": [
        {"key": "seen", "label": "Seen", "kind": "many", "options": [{"key": "a"}, {"key": "b"}]}
    ]
}
NEW = deepcopy(OLD)
NEW["questions"][0]["options"].append({"key": "c"})
SPLITS = (*[Split.TRAIN] * 4, *[Split.VALIDATION] * 2, *[Split.TEST] * 2)


def published(cast, definition):
    publish_schema(actor=cast.manager, project=cast.project, definition=definition)


def read(cast, answers, splits=SPLITS):
    """Cases that are read now, one for each answer."""
    contents = [lambda _, a=answer: {"answers": {"seen": a}} for answer in answers]
    return labeled(
        cast.project, cast.annotator, contents,
        make=lambda _: factories.make_study(cast.project), splits=splits,
    )  # fmt: skip


@pytest.fixture
def cases(cast):
    """Eight that were read before there was an option c, and eight after."""
    published(cast, OLD)
    before = read(cast, [["a"], ["b"]] * 4)
    published(cast, NEW)
    return before, read(cast, [["a", "c"], ["b"]] * 4)


@pytest.fixture
def target(cast, cases):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="seen", config=TINY
    )


def frozen(cast):
    return freeze(project=cast.project, name="d", actor=cast.manager)


def rows_of(target, dataset):
    """The labels of each case, and the kind that encodes them."""
    kind = kind_of(target, dataset.schema.schema, target.config, "random", 1)
    items = answered(kind, dataset.items.all(), {}).values()
    return {item.case_id: kind.task.encode([kind.answer(item)])[0].tolist() for item in items}


def test_an_option_of_a_later_schema_is_neither_present_nor_absent(cast, cases, target):
    before, after = cases
    rows = rows_of(target, frozen(cast))
    np.testing.assert_equal(rows[before[0].pk], [1, 0, np.nan])
    np.testing.assert_equal(rows[before[1].pk], [0, 1, np.nan])
    assert rows[after[0].pk] == [1, 0, 1]
    assert rows[after[1].pk] == [0, 1, 0]


def test_a_second_reader_does_not_look_for_what_the_first_was_not_asked(cast, cases, target):
    [case, *_], _ = cases
    change_settings(actor=cast.manager, project=cast.project, readers_per_case=2)
    import_read(reader=cast.annotator2, case=case, content={"answers": {"seen": ["a", "c"]}})
    Case.objects.filter(project=cast.project).update(state=CaseState.DONE)
    np.testing.assert_equal(rows_of(target, frozen(cast))[case.pk], [1, 0, np.nan])


def test_schemas_are_asked_for_at_once(cast, cases, target):
    dataset = frozen(cast)
    kind = kind_of(target, dataset.schema.schema, target.config, "random", 1)
    with CaptureQueriesContext(connection) as asked:
        answered(kind, dataset.items.all(), {})
    assert len(asked) == 4  # what has been outgrown, items, which schema their reads have, schemas
    with CaptureQueriesContext(connection) as asked:
        labeled_so_far = kind.balance(list(dataset.items.all()))
    assert len(asked) == 3
    assert labeled_so_far.counts(3).tolist() == [8, 8, 4]


def test_a_round_is_taught_and_measured_by_what_was_looked_for(target):
    found = run(target).metrics
    counts = {one["name"]: (one["positives"], one["negatives"]) for one in found["labels"]}
    assert counts == {"a": (2, 2), "b": (2, 2), "c": (1, 1)}


def test_a_cross_validation_is_too(cast, target, monkeypatch):
    measured = []
    examined = cross_validation.Answers.examined
    monkeypatch.setattr(
        cross_validation.Answers, "examined",
        lambda *given: measured.append(examined(*given)) or measured[-1],
    )  # fmt: skip
    frozen(cast)
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=target, fold_count=3, seed=1
    )
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    assert job.state == "completed", job.error
    tested = np.concatenate([one.truth for one in measured[1::2]])  # after validation
    assert (tested == 0).sum(axis=0).tolist() == [6, 6, 3]
    assert np.isnan(tested).sum(axis=0).tolist() == [0, 0, 6]


def test_a_case_that_no_option_of_today_was_asked_of_teaches_nothing(cast):
    published(cast, OLD)
    [case] = read(cast, [[]], [Split.TRAIN])
    published(cast, {"questions": [NEW["questions"][0] | {"options": [{"key": "c"}]}]})
    target = targets.create_target(actor=cast.manager, project=cast.project, question="seen")
    dataset, excluded = frozen(cast), {}
    kind = kind_of(target, dataset.schema.schema, {}, "random", 1)
    assert answered(kind, dataset.items.all(), excluded) == {}
    assert excluded == {case.pk: "the answer is no longer one of the question's"}


def test_options_on_series_are_too(cast):
    def on_series(definition):
        return {"questions": [{**q, "scope": "series"} for q in definition["questions"]]}

    def content(case):
        entry = {"series_instance_uid": series_of(case, "t2"), "answers": {"seen": ["a"]}}
        return {"answers": {}, "scoped": [entry]}

    published(cast, on_series(OLD))
    labeled(
        cast.project, cast.annotator, [content], make=lambda n: make_study(cast.project, n),
        splits=[Split.TRAIN],
    )  # fmt: skip
    published(cast, on_series(NEW))
    target = targets.create_target(
        actor=cast.manager, project=cast.project, question="seen", input=T2
    )
    dataset = frozen(cast)
    kind = kind_of(target, dataset.schema.schema, {}, "random", 1)
    assert isinstance(kind, SeriesAnswers)
    known = kind.balance(list(dataset.items.select_related("case__study")))
    np.testing.assert_equal(known.labels, [[1, 0, np.nan]])


@pytest.fixture
def unasked(cast):
    """Eight reads under the old schema, and an option c that nobody has been asked of since."""
    published(cast, OLD)
    read(cast, [["a"], ["b"]] * 4)
    published(cast, NEW)
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="seen", strategy="stratified_margin",
        config=TINY,
    )  # fmt: skip


def offered(target):
    return [
        s.content for s in Suggestion.objects.filter(case__project=target.project, is_current=True)
    ]


def labels_in_reasons(rows):
    return {one.words["label"] for one in rows if one.words.get("code") == "unclear_label"}


def test_an_option_that_nobody_was_asked_of_is_neither_suggested_nor_ranked_by(cast, unasked):
    open_cases(cast.project, [factories.make_study(cast.project) for _ in range(9)])
    done = run(unasked)
    version = done.model_version
    assert version.task["learned"] == ["a", "b"]
    assert done.metrics["unlearned"] == ["c"]
    ranked = version.predictions.filter(score__isnull=False)
    nearest = [min(abs(p - 0.5) for p in one.values[:2]) for one in ranked]
    assert labels_in_reasons(ranked) <= {"a", "b"} != set()
    assert [one.components["margin"] for one in ranked] == pytest.approx(
        [1 - 2 * gap for gap in nearest], abs=1e-5
    )
    assert len(offered(unasked)) == len(ranked) == 8
    for content in offered(unasked):
        assert set(content["probabilities"]["seen"]) == {"a", "b"}
        assert set(content["answers"]["seen"]) <= {"a", "b"}
    [limit] = [one for one in model_card(version)["limits"] if "not learned" in one]
    assert limit.startswith("It has not learned c:")


def test_nor_by_a_model_that_looks_at_what_comes_later(cast, unasked):
    open_cases(cast.project, [factories.make_study(cast.project) for _ in range(2)])
    version = run(unasked).model_version
    later = factories.make_cases(cast.project, 12)
    model_versions.promote(version=version, actor=cast.manager)
    scorings.request_due()
    for part in Scoring.objects.filter(state=jobs.JobState.PENDING):
        jobs.execute(Scoring, part.pk, arrivals.score_part)
    ranked = version.predictions.filter(score__isnull=False, case__in=later)
    assert ranked.count() >= 4  # the others are held out
    assert labels_in_reasons(ranked) <= {"a", "b"} != set()
    assert {name for one in offered(unasked) for name in one["answers"]["seen"]} <= {"a", "b"}


def test_a_round_whose_labels_speak_of_every_option_notes_nothing(cast, target):
    done = run(target)
    assert "unlearned" not in done.metrics
    assert done.model_version.task["learned"] == ["a", "b", "c"]
