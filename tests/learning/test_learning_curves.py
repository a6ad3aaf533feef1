"""The learning curve with the random audit and the forecast beside it."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from annotation.core.jobs import JobState
from annotation.labeling.services.projects import publish_schema
from learning.models import EncoderVersion, Round
from learning.services import evidence, learning_curves, targets
from tests import factories
from tests.learning.test_heads import embed, make_audited, make_head


@pytest.fixture
def target(cast):
    factories.make_cases(cast.project, 20)
    return targets.create_target(actor=cast.manager, project=cast.project, question="nodule")


def make_round(target, number, labels, strategy, **metrics):
    return Round.objects.create(
        target=target, number=number, trigger="manual", strategy=strategy, seed=1, config={},
        code_revision="x", state=JobState.COMPLETED, training_labels=labels,
        metrics={"n": 40, "patients": 40, **metrics},
    )  # fmt: skip


def test_rounds_heads_audit_and_forecast_tell_the_same_figure(target, cast):
    encoder = embed(cast.project)
    made = [
        make_head(target, encoder, number, labels, auc=0.9 + labels / 2000)
        for number, labels in enumerate([20, 40, 60, 80, 100], 1)
    ]
    auc = {"value": 0.9, "low": 0.85, "high": 0.94}
    make_round(target, 1, 50, "margin", auc=auc)
    make_round(target, 2, 90, "random")
    cases = factories.make_empty_cases(cast.project, 60)
    make_audited(target, made[1], cases[:25], wrong=5)
    make_audited(target, made[4], cases[25:], wrong=2)
    found = learning_curves.curves_of(target)
    assert found.figure == "auc"
    assert [(p.number, p.labels, p.strategy) for p in found.rounds] == [
        (1, 50, "margin"), (2, 90, "random"),
    ]  # fmt: skip
    assert (found.rounds[0].estimate.low, found.rounds[1].estimate.value) == (0.85, None)
    assert [p.estimate.value for p in found.heads] == [h.metrics["auc"] for h in made]
    assert all(p.estimate.low < p.estimate.value < p.estimate.high for p in found.heads)
    assert [(p.labels, p.count) for p in found.audit] == [(40, 25), (100, 35)]
    band = found.forecast
    assert (band[0].labels, band[-1].labels) == (100, 300)
    assert all(p.estimate.low <= p.estimate.value <= p.estimate.high for p in band)


def test_the_forecast_rests_on_heads_that_stand_apart_however_many_came_since(
    target, cast, monkeypatch
):
    encoder = embed(cast.project)
    for number, labels in enumerate([40, 60, 80, 100], 1):
        make_head(target, encoder, number, labels, auc=0.9 + labels / 2000)
    apart = evidence.forecast_of(target)
    target.heads.filter(number=4).delete()
    for number, labels in enumerate([85, 90, 95, 100], 4):
        make_head(target, encoder, number, labels, auc=0.9 + 100 / 2000 if labels == 100 else 0.5)
    monkeypatch.setattr(evidence, "HEADS", 2)
    assert evidence.honest_figures(target).forecast == apart


@pytest.mark.parametrize(("on_second", "is_told"), [(8, True), (3, False)])
def test_the_forecast_is_that_of_the_heads_on_the_latest_encoder(target, cast, on_second, is_told):
    encoder = embed(cast.project)
    for number in range(1, 9):
        make_head(target, encoder, number, round(20 * 1.3**number), auc=0.8 + number / 200)
    second = EncoderVersion.objects.create(project=cast.project, number=2, is_ready=True)
    for number in range(9, 9 + on_second):
        last = make_head(target, second, number, round(20 * 1.3**number), auc=0.85 + number / 200)
    curves, figures = learning_curves.curves_of(target), evidence.honest_figures(target)
    assert len(curves.heads) == 8 + on_second
    assert bool(curves.forecast) == is_told
    target.heads.filter(encoder=encoder).delete()
    assert learning_curves.curves_of(target).forecast == curves.forecast
    assert evidence.honest_figures(target).forecast == figures.forecast
    assert figures.window.last == last.number


def test_the_audit_is_the_figure_of_what_was_said_before_the_label(target, cast):
    encoder = embed(cast.project)
    head = make_head(target, encoder, 1, 40)
    cases = factories.make_empty_cases(cast.project, 30)
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 30)
    said = np.clip(0.5 + 0.2 * (truth - 0.5) + rng.normal(0, 0.2, 30), 0.01, 0.99)
    make_audited(target, head, cases, wrong=0)
    for case, is_yes, p in zip(cases, truth, said, strict=True):
        outcome = target.outcomes.get(case=case)
        outcome.answer, outcome.said = ["no", "yes"][is_yes], [1 - p, p]
        outcome.save()
    [point] = learning_curves.curves_of(target).audit
    assert point.estimate.value == pytest.approx(roc_auc_score(truth, said))
    assert point.estimate.low < point.estimate.value < point.estimate.high


def test_what_is_drawn_has_a_forecast_from_its_rounds_alone(cast):
    drawn = factories.make_project(cast.manager, "Drawn")
    segments = [{"value": 1, "label": "Lung"}]
    publish_schema(actor=cast.manager, project=drawn, definition={"segments": segments})
    masks = targets.create_target(actor=cast.manager, project=drawn, kind="segmentation")
    for number, labels in enumerate([20, 40, 80, 160], 1):
        dice = 0.9 - labels**-0.5
        make_round(masks, number, labels, "random",
                   mean_dice={"value": dice, "low": dice - 0.1, "high": dice + 0.1})  # fmt: skip
    found = learning_curves.curves_of(masks)
    assert (found.figure, len(found.rounds), found.heads, found.audit) == ("mean_dice", 4, [], [])
    assert found.forecast[-1].estimate.value == pytest.approx(0.9 - 360**-0.5, abs=0.005)


def test_answers_on_series_have_a_forecast_from_their_rounds(cast):
    """Light heads, of which other answers have theirs, know studies alone."""
    project = factories.make_project(cast.manager, "Series")
    options = [{"key": "no"}, {"key": "yes"}]
    questions = [
        {"key": key, "label": key, "kind": kind, "scope": "series", **more}
        for key, kind, more in (("moved", "one", {"options": options}), ("mm", "number", {}))
    ]
    publish_schema(actor=cast.manager, project=project, definition={"questions": questions})
    moved, number = (
        targets.create_target(actor=cast.manager, project=project, question=key)
        for key in ("moved", "mm")
    )
    for place, labels in enumerate([20, 40, 80, 160], 1):
        value = 0.9 - labels**-0.5
        estimate = {"value": value, "low": value - 0.1, "high": value + 0.1}
        make_round(moved, place, labels, "random", auc=estimate)
        make_round(number, place, labels, "random", mean_absolute_error=estimate)
    found = learning_curves.curves_of(moved)
    assert found.forecast[-1].estimate.value == pytest.approx(0.9 - 360**-0.5, abs=0.005)
    assert learning_curves.curves_of(number).forecast == []  # an error falls to nothing known


@pytest.mark.parametrize(
    ("count", "points", "sizes"),
    [(9, 0, set()), (10, 1, {10}), (49, 1, {49}), (60, 2, {25, 35}), (600, 24, {25}),
     (10_000, 23, {417, 826})],
)  # fmt: skip
def test_the_audit_has_at_most_24_points_however_many_cases(count, points, sizes):
    blocks = learning_curves.audit_blocks(count)
    assert len(blocks) == points
    assert {end - start for start, end in blocks} == sizes
    assert [start for start, _ in blocks[1:]] == [end for _, end in blocks[:-1]]
