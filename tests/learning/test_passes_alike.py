"""Passes of a network without dropout are all alike: nothing is ranked by comparing them."""

import pytest

from annotation.core.errors import InvalidInput
from annotation.core.wording import words_of
from learning.acquisition.names import STRATEGIES_OF_KIND, strategy_with
from learning.models import ModelVersion, Prediction, Round, Target, Trigger
from learning.pipeline import arrivals
from learning.services import model_versions, rounds, targets
from tests import factories
from tests.learning.models import make_model
from tests.learning.test_arrivals import hold_out, score_all


def make_target(cast, **wish):
    return targets.create_target(
        actor=cast.manager, project=cast.project, question="nodule", **wish
    )


def test_a_model_from_elsewhere_without_dropout_orders_the_pool_all_the_same(cast):
    cases = factories.make_cases(cast.project, 6)
    hold_out(cast, cases, [])
    version = make_model(make_target(cast, strategy="bald"))
    assert version.architecture["dropout"] == 0
    model_versions.promote(version=version, actor=cast.manager)
    score_all()
    scores = Prediction.objects.values_list("score", flat=True)
    assert len(set(scores)) == len(cases)


@pytest.mark.parametrize(("dropout", "strategy"), [(0.0, "random"), (0.2, "variance")])
def test_numbers_are_drawn_at_random_where_a_network_has_none(dropout, strategy):
    target = Target(kind="number", strategy="variance")
    version = ModelVersion(target=target, architecture={"dropout": dropout})
    assert arrivals._strategy_of(version) == strategy
    of_a_round = ModelVersion(
        target=target, architecture={"dropout": dropout}, round=Round(strategy="variance")
    )
    assert arrivals._strategy_of(of_a_round) == strategy


@pytest.mark.parametrize("kind", STRATEGIES_OF_KIND)
def test_every_kind_has_a_strategy_without_dropout(kind):
    for strategy in STRATEGIES_OF_KIND[kind]:
        found = strategy_with(0.0, strategy, kind)
        assert found in STRATEGIES_OF_KIND[kind]
        assert found not in ("bald", "variance")
        assert strategy_with(0.2, strategy, kind) == strategy


def test_no_dropout_is_refused_beside_a_strategy_that_compares_passes(cast):
    with pytest.raises(InvalidInput, match="dropout: the strategy bald compares") as refused:
        make_target(cast, strategy="bald", config={"dropout": 0})
    assert words_of(str(refused.value)) == {"code": "recipe_dropout", "strategy": "bald"}
    target = make_target(cast, strategy="margin", config={"dropout": 0})
    with pytest.raises(InvalidInput, match="dropout: the strategy bald compares"):
        targets.change_target(actor=cast.manager, target=target, strategy="bald")
    targets.change_target(actor=cast.manager, target=target, strategy="bald", config={})


def test_a_target_of_before_has_rounds_of_another_strategy(cast):
    target = make_target(cast, strategy="bald")
    assert rounds.request_round(target=target, trigger=Trigger.MANUAL).strategy == "bald"
    Round.objects.all().delete()
    Target.objects.update(config={"dropout": 0})
    target.refresh_from_db()
    targets.change_target(actor=cast.manager, target=target, retrain_after=7)
    made = rounds.request_round(target=target, trigger=Trigger.MANUAL)
    assert made.strategy == "stratified_margin"
