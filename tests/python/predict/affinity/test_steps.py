"""Features in steps: few values, near the numbers they stand for."""

import numpy as np

from regulars.predict.affinity.candidates import FEATURES
from regulars.predict.affinity.steps import SIGNED, stepped


def test_no_feature_has_more_values_than_trees_have_bins():
    random = np.random.default_rng(0)
    features = np.exp(random.normal(0, 6, (20_000, len(FEATURES)))).astype(np.float32)
    for name in SIGNED:
        features[:, FEATURES.index(name)] = random.normal(0, 4, 20_000)
    assert max(len(np.unique(column)) for column in stepped(features).T) <= 255


def test_steps_keep_the_order_and_small_counts():
    counts = np.zeros((9, len(FEATURES)), dtype=np.float32)
    counts[:, 0] = np.arange(9)
    np.testing.assert_array_equal(stepped(counts)[:, 0], np.arange(9))
    rising = np.zeros((500, len(FEATURES)), dtype=np.float32)
    rising[:, 0] = np.linspace(0, 1000, 500)
    found = stepped(rising)[:, 0]
    assert (np.diff(found) >= 0).all()
    np.testing.assert_allclose(found[1:], rising[1:, 0], rtol=0.07)


def test_unknown_stays_unknown():
    assert np.isnan(stepped(np.full((2, len(FEATURES)), np.nan, dtype=np.float32))).all()
