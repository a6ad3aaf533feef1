"""Light heads of rare answers: class weights rank them up, and what people are told stays true."""

import io
import json

import numpy as np
import pytest

from learning.acquisition import reasons
from learning.acquisition.pool import Labeled, normalized
from learning.acquisition.strategies import STRATEGIES, select
from learning.heads.fitting import HeadConfig, fit
from learning.heads.head import Head
from learning.heads.kinds import HEAD_KINDS, Scale


def rare_cases(count, rng, axis, share=0.03):
    """Embeddings that show a rare answer along an axis, and who has it."""
    has_it = (rng.random(count) < share).astype(int)
    points = rng.normal(size=(count, len(axis))) + 1.6 * np.outer(has_it - 0.5, axis)
    return normalized(points), has_it


def log_loss(p, truth):
    return float(-np.log(np.where(truth == 1, p, 1 - p)).mean())


def test_rare_answers_are_told_as_often_as_they_are():
    told, weighted, shares, losses_told, losses_plain = [], [], [], [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        axis = normalized(rng.normal(size=(1, 64)))[0]
        points, labels = rare_cases(1000, rng, axis)
        fresh, truth = rare_cases(20_000, rng, axis)
        ours, plain = (
            fit("one", points, labels, class_count=2, rng=np.random.default_rng(1),
                config=HeadConfig(class_weights=w))
            for w in (True, False)
        )  # fmt: skip
        told.append(ours.predict(fresh)[:, 1])
        weighted.append(ours.predict_weighted(fresh)[:, 1].mean())
        shares.append(truth.mean())
        losses_told.append(log_loss(told[-1], truth))
        losses_plain.append(log_loss(plain.predict(fresh)[:, 1], truth))
    assert np.mean(told) == pytest.approx(np.mean(shares), rel=0.3)
    assert np.mean(weighted) > 1.5 * np.mean(shares)  # what cases are ranked by
    assert np.mean(losses_told) <= np.mean(losses_plain)


def test_readers_are_told_what_is_likely_and_cases_ranked_by_the_weights():
    points, labels = rare_cases(300, np.random.default_rng(0), np.eye(16)[0], share=0.1)
    head = fit("one", points, labels, class_count=2, rng=np.random.default_rng(1))
    kind, classes = HEAD_KINDS["one"], ["no", "yes"]
    pool = kind.pool(head, points, classes, Scale())
    np.testing.assert_array_equal(pool.probabilities, head.predict_weighted(points))
    np.testing.assert_array_equal(pool.told, kind.said(head, points).astype(np.float32))
    assert pool.told[:, 1].mean() < pool.probabilities[:, 1].mean()
    [pick, *_] = select(
        STRATEGIES["margin"], pool, Labeled(points, labels), 1, np.random.default_rng(0)
    )
    assert pick.row == np.abs(pool.probabilities[:, 1] - 0.5).argmin()
    likelier, other = np.sort(pool.told[pick.row])[::-1].round(2)
    assert (pick.reason.words["first_p"], pick.reason.words["second_p"]) == (likelier, other)
    rarest = reasons.why(pool, Labeled(points, labels), 7, "positive", {"positive": 0.99})
    assert rarest.words["p"] == pytest.approx(pool.told[7, 1], abs=0.005)


def test_a_head_from_before_rare_answers_were_told_apart_says_what_it_said():
    points, labels = rare_cases(300, np.random.default_rng(0), np.eye(16)[0], share=0.1)
    head = fit("one", points, labels, class_count=2, rng=np.random.default_rng(1))
    content = io.BytesIO()
    with np.load(io.BytesIO(head.to_bytes())) as arrays:
        kept = {name: arrays[name] for name in arrays if name != "offsets"}
    about = json.loads(kept.pop("about").tobytes())
    del about["told_temperature"]
    np.savez(content, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **kept)
    before = Head.from_bytes(content.getvalue())
    np.testing.assert_array_equal(before.predict(points), head.predict_weighted(points))
