"""Intervals by bootstrap: what they cost."""

import numpy as np

from learning.training.metrics.intervals import bootstrap, resamples


def test_a_draw_that_comes_again_is_not_measured_again():
    asked = []

    def mean(rows):
        asked.append(rows)
        return float(np.asarray([1.0, 2.0, 6.0])[rows].mean())

    found = bootstrap(mean, list("abc"), np.random.default_rng(0))
    drawn = [mean(rows) for rows in resamples(list("abc"), np.random.default_rng(0), 1000)]
    assert len(asked) - 1000 <= 1 + 10  # of three there are ten draws
    np.testing.assert_allclose([found.low, found.high], np.percentile(drawn, [2.5, 97.5]))
