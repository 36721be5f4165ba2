"""SQNR from sums is that of whole arrays, and no split changes it."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import reduce

import numpy as np
import pytest

from hw_models.json_dataclasses import made
from ltc2neuro.evaluation.scores import SUMMED, Score, metric_of_sums, score
from ltc2neuro.evaluation.sqnr_sums import Level, level_of_sequences
from ltc2neuro.metrics import METRICS, channel_sqnr

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(200, 5))
KINDS = {
    "normal": NORMAL,
    "around a large offset": NORMAL + np.array([0, 1e3, 1e6, -1e9, 1e-3]),
    "huge and tiny": NORMAL * [1, 1e100, 1e-100, 1e140, 1e-140],
    "constants and zeros": NORMAL * [1, 0, 0, 1, 0] + [0, 3, 0, 0, -1e5],
    "all zeros": NORMAL * 0,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_it_is_that_of_whole_arrays(kind, noise):
    exact = KINDS[kind]
    error = noise * RNG.normal(size=exact.shape) * np.maximum(np.abs(exact).max(axis=0), 1e-150)
    error[:, 3] = 0
    parts = [level_of_sequences([e], [e + d]) for e, d in zip(np.split(exact, 8), np.split(error, 8), strict=True)]
    whole = level_of_sequences([*exact[:, None]], [*(exact + error)[:, None]])
    assert reduce(Level.joined, parts) == whole == reduce(Level.joined, reversed(parts))
    assert whole.decibels() == pytest.approx(channel_sqnr([exact], [exact + error]), rel=1e-7, nan_ok=True)
    assert made(Level, json.loads(json.dumps(asdict(whole)))) == whole


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_channel_that_leaves_all_numbers_is_lost(value):
    exact, other = NORMAL.copy(), NORMAL + 1e-3
    exact[7, 2] = value
    level = level_of_sequences([exact], [other])
    assert level.lost == (0, 0, 1, 0, 0) and level.decibels()[2] == -np.inf
    assert np.all(np.isfinite(np.delete(level.decibels(), 2)))


@pytest.mark.parametrize("name", METRICS)
def test_metrics_of_sums_are_those_of_whole_arrays(name):
    assert {*SUMMED} == {*METRICS}
    outputs = RNG.normal(size=(40, 6, 3)) + np.array([0, 1e4, -1])
    targets = RNG.integers(0, 3, (40, 6)) if name == "accuracy" else outputs + RNG.normal(size=(40, 6, 3))
    parts = [score(name, list(o), list(t)) for o, t in zip(np.split(outputs, 8), np.split(targets, 8), strict=True)]
    whole = score(name, list(outputs), list(targets))
    assert reduce(Score.joined, parts) == whole == reduce(Score.joined, reversed(parts))
    assert metric_of_sums(name, whole) == pytest.approx(METRICS[name](outputs, targets), rel=1e-9)
    if name != "accuracy":
        outputs[3, 2, 1] = np.inf
        assert np.isnan(metric_of_sums(name, score(name, list(outputs), list(targets))))


def test_where_nothing_varies_there_is_no_correlation():
    still = score("correlation", [np.ones((4, 2))], [np.ones((4, 2))])
    assert np.isnan(metric_of_sums("correlation", still))
