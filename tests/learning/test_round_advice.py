"""What is told of a target that has rounds alone: forecast, goal and whether to go on."""

import pytest

from annotation.core.jobs import JobState
from annotation.labeling.services.projects import publish_schema
from learning.models import ModelVersion, Round, Trigger
from learning.services import evidence, targets
from tests.learning.test_kinds import DEFINITION
from tests.learning.test_mask_rounds import DEEP


@pytest.fixture
def target(cast):
    publish_schema(actor=cast.manager, project=cast.project, definition=DEFINITION)
    return targets.create_target(
        actor=cast.manager, project=cast.project, kind="segmentation", input=DEEP, goal=0.8
    )


def add_rounds(target, figures, *, patients=30):
    for number, (labels, dice) in enumerate(figures, 1):
        Round.objects.create(
            target=target, number=number, trigger=Trigger.MANUAL, strategy="random", seed=1, config={},
            code_revision="test", state=JobState.COMPLETED, training_labels=labels,
            metrics={
                "mean_dice": {"value": dice, "low": dice - 0.05, "high": dice + 0.05},
                "n": patients, "patients": patients,
            },
        )  # fmt: skip


def said_of(target):
    found = evidence.honest_figures(target)
    return found, {condition.name: condition for condition in found.stopping.conditions}


def test_without_rounds_only_what_is_awaited_is_said(target):
    found, conditions = said_of(target)
    assert {name: one.holds for name, one in conditions.items()} == {
        "forecast": None,
        "target": None,
    }
    assert (found.stopping.is_advised, found.forecast, found.audit) == (False, None, None)


def test_a_rising_curve_is_forecast_and_goes_on(target):
    add_rounds(target, [(10, 0.4), (20, 0.5), (40, 0.6), (80, 0.68)])
    found, conditions = said_of(target)
    low, high = (found.forecast.gain(200)[side] for side in (1, 2))
    assert 0 < low < high
    assert {name: one.holds for name, one in conditions.items()} == {
        "forecast": False,
        "target": False,
    }
    assert conditions["target"].sentence == "95 % sure of 0.630 on the locked test (0.800 wanted)"


@pytest.mark.parametrize(
    "change", [{"classes": ["lesion", "organ"]}, {"input": {**DEEP, "size": [8, 16, 16]}}]
)
def test_rounds_that_cannot_be_compared_with_the_latest_tell_no_curve(target, change):
    add_rounds(target, [(40, 0.85), (60, 0.87), (90, 0.88), (130, 0.885), (160, 0.70)])
    for round_ in target.rounds.order_by("number"):
        ModelVersion.objects.create(
            target=target, round=round_, number=round_.number, weights_sha256="0" * 64,
            **{"classes": ["lesion"], "input": DEEP, **(change if round_.number == 5 else {})},
        )  # fmt: skip
    found, conditions = said_of(target)
    assert found.forecast is None
    assert conditions["forecast"].sentence == "Too few rounds for a forecast"
    target.model_versions.get(number=5).delete()
    target.rounds.get(number=5).delete()
    assert said_of(target)[0].forecast is not None


def test_a_flat_curve_above_the_goal_may_stop(target):
    add_rounds(target, [(10, 0.80), (20, 0.86), (40, 0.87), (80, 0.8705), (160, 0.8706)])
    found, conditions = said_of(target)
    assert {name: one.holds for name, one in conditions.items()} == {
        "forecast": True,
        "target": True,
    }
    assert found.stopping.is_advised


def test_a_goal_is_not_reached_on_a_handful_of_patients(target):
    add_rounds(target, [(40, 0.95)], patients=6)
    _, conditions = said_of(target)
    assert conditions["target"].holds is None
    assert conditions["target"].sentence == (
        "Measured on too few test patients to be sure: 6 of at least 30 (0.800 wanted)"
    )


def test_the_screen_gets_it(target, cast, client_of):
    add_rounds(target, [(10, 0.4), (20, 0.5), (40, 0.6), (80, 0.68)])
    body = client_of(cast.manager).get(f"/api/v1/targets/{target.pk}/honest-figures").json()
    assert (body["outcomes"], body["is_stopping_advised"]) == (0, False)
    assert body["forecast"].startswith("200 more labels: +")
    assert [one["name"] for one in body["conditions"]] == ["forecast", "target"]
