"""Questions on series: learned from the series that the input chooses, suggested at that series."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.core import jobs
from annotation.core.errors import InvalidInput
from annotation.datasets.models import Split
from annotation.datasets.services import freeze
from annotation.labeling.models import Suggestion
from annotation.labeling.schemas import fitting_answers_on_series, parse_schema
from annotation.labeling.services.importing import import_read
from annotation.labeling.services.projects import publish_schema
from annotation.labeling.services.suggestions import outcomes_of
from learning import cross_validation
from learning.models import CrossValidation
from learning.pipeline.kinds import kind_of_round
from learning.services import cross_validations, targets
from tests.learning.test_channels import store
from tests.learning.test_kinds import SPLITS, TINY, labeled, open_cases, run, split
from tests.unit.test_aligning import AXIAL, scanned

DEFINITION = {
    "questions": [
        {"key": "moved", "label": "Motion", "kind": "one", "scope": "series",
         "options": [{"key": "no"}, {"key": "yes"}]},
        {"key": "grade", "label": "Quality", "kind": "ordinal", "scope": "series", "required": False,
         "options": [{"key": "poor"}, {"key": "good"}]},
        {"key": "days", "label": "Days", "kind": "number", "scope": "series", "required": False},
        {"key": "seen", "label": "Seen", "kind": "one", "required": False,
         "options": [{"key": "no"}, {"key": "yes"}]},
    ],
}  # fmt: skip
T2 = {"size": [32, 32], "channels": [{"name": "t2", "rule": {"description": "t2"}}]}


@pytest.fixture
def project(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    return cast.project


def make_study(project, number):
    for description in ("t1", "t2"):
        volume = scanned((3, 32, 32), AXIAL, (1, 1, 2), (0, 0, 0))
        study = store(project, f"study {number}", volume, description, "same")
    return study


def series_of(case, description):
    return case.study.series.get(series_description=description).series_instance_uid


def answered(case, **answers):
    """A read that answers the question of each series, by its description."""
    entries = [
        {"series_instance_uid": series_of(case, name), "answers": {"moved": answer}}
        for name, answer in answers.items()
    ]
    return {"answers": {}, "scoped": entries}


def is_moved(number):
    return ("no", "yes")[number % 2]


@pytest.fixture
def cases(cast, project):
    """T2 was moved in every other study, T1 always; nobody has answered for the last T2."""
    contents = [
        lambda case, n=n: answered(case, t1="yes", t2=is_moved(n)) for n in range(len(SPLITS) - 1)
    ]
    contents.append(lambda case: answered(case, t1="yes"))
    return labeled(project, cast.annotator, contents, make=lambda n: make_study(project, n))


@pytest.fixture
def target(cast, project):
    return targets.create_target(
        actor=cast.manager, project=project, question="moved", input=T2, config=TINY
    )


def test_the_answers_of_the_chosen_series_are_learned_and_suggested_there(
    cast, project, cases, target
):
    open_cases(project, [make_study(project, f"open {n}") for n in range(3)])
    done = run(target)
    assert (done.training_labels, done.ranked_cases, done.metrics["n"]) == (8, 3, 2)
    assert done.metrics["excluded"] == [
        {"case": str(cases[-1].pk), "reason": "the question has no answer"}
    ]
    offered = list(Suggestion.objects.filter(is_current=True).select_related("case"))
    assert len(offered) == 2
    for one in offered:
        [entry] = one.content["scoped"]
        assert entry["series_instance_uid"] == series_of(one.case, "t2")
        assert entry["answers"]["moved"] in ("no", "yes")
        assert sum(entry["probabilities"]["moved"].values()) == pytest.approx(1, abs=1e-3)
    taken = {"id": str(offered[0].pk), "action": "accepted"}
    place = {
        name: offered[0].content["scoped"][0][name] for name in ("series_instance_uid", "answers")
    }
    [kept] = outcomes_of({"scoped": [place], "suggestions": [taken]})
    [lost] = outcomes_of({"scoped": [], "suggestions": [taken]})
    assert (kept["is_changed"], lost["is_changed"]) == (False, True)


def test_the_readers_of_a_series_must_agree(cast, project, cases, target):
    second = cases[0]
    import_read(reader=cast.reviewer, case=second, content=answered(second, t1="yes", t2="yes"))
    done = run(target)
    assert done.training_labels == 7
    reasons = {one["reason"] for one in done.metrics["excluded"]}
    assert reasons == {"the readers do not agree", "the question has no answer"}
    check_balance(done)


def check_balance(done):
    """Late cases are ranked by the answers of the chosen series; reads are fetched for many at once."""
    kind = kind_of_round(done)
    items = done.dataset.items.filter(split=Split.TRAIN).select_related("case__study")
    with CaptureQueriesContext(connection) as asked:
        labeled = kind.balance(list(items))
    # Of eight: readers differ on one that was not moved.
    assert labeled.counts(2).tolist() == [3, 4]
    assert sum('FROM "labeling_revision"' in one["sql"] for one in asked) == 1


def test_answers_on_series_are_cross_validated(cast, project, cases, target):
    more = [lambda case, n=n: answered(case, t2=is_moved(n)) for n in range(len(SPLITS))]
    added = labeled(project, cast.annotator, more, make=lambda n: make_study(project, f"more {n}"))
    split(project, added, [Split.TRAIN] * len(added))
    freeze(project=project, name="d", actor=cast.manager)
    job = cross_validations.request_cross_validation(
        actor=cast.manager, target=target, fold_count=3, seed=1
    )
    jobs.execute(CrossValidation, job.pk, cross_validation.run_cross_validation)
    job.refresh_from_db()
    assert job.state == "completed", job.error
    assert sum(fold["n"] for fold in job.folds) == 25


def test_a_target_on_series_needs_an_input_and_has_no_light_head(cast, project, target, client_of):
    usual = targets.create_target(actor=cast.manager, project=project, question="grade")
    assert usual.input["size"] == [128, 128]
    assert (target.refit_after, usual.refit_after) == (0, 0)
    for field, value in (("input", {}), ("refit_after", 5)):
        with pytest.raises(InvalidInput) as caught:
            targets.change_target(actor=cast.manager, target=target, **{field: value})
        assert caught.value.extra["field"] == field
    with pytest.raises(InvalidInput, match="event_question must be a question on the series"):
        targets.create_target(
            actor=cast.manager, project=project, question="days",
            options={"event_question": "seen", "event_option": "yes"},
        )  # fmt: skip
    client = client_of(cast.manager)
    found = client.get(f"/api/v1/projects/{project.pk}/learnables").json()
    assert {(one["question"], one["kind"], one["scope"]) for one in found} >= {
        ("seen", "one", "study"), ("moved", "one", "series"), ("days", "time_to_event", "series"),
    }  # fmt: skip
    listed = client.get(f"/api/v1/projects/{project.pk}/targets").json()
    assert {one["question"]: one["head_strategies"] for one in listed} == {
        "moved": [], "grade": [],
    }  # fmt: skip


def test_only_valid_answers_of_the_series_count():
    schema = parse_schema(DEFINITION)
    content = {
        "answers": {"seen": "yes"},
        "scoped": [
            {"sop_instance_uid": "1.2", "frame": 1, "answers": {"moved": "yes"}},
            {"series_instance_uid": "1.3", "answers": {"moved": "perhaps", "grade": "good"}},
        ],
    }
    assert fitting_answers_on_series(schema, content, "1.3") == {"grade": "good"}
    assert fitting_answers_on_series(schema, content, "1.4") == {}
