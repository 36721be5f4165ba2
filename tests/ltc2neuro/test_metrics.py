"""SQNR and task metrics, against numbers by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ltc2neuro import metrics
from ltc2neuro.errors import InputError


def test_sqnr_is_of_what_varies():
    """A mean of a million adds nothing to a signal of one."""
    exact = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    assert metrics.sqnr([exact], [exact + 0.1]) == pytest.approx(20.0)
    assert metrics.sqnr([exact + 1e6], [exact + 1e6 + 0.1]) == pytest.approx(20.0, abs=1e-6)
    halves = [exact[:2] + 1e6, exact[2:] + 1e6]
    assert metrics.sqnr(halves, [h + 0.1 for h in halves]) == pytest.approx(20.0, abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-7, 1e-200, 1e200])
def test_sqnr_is_that_of_the_worst_channel(scale):
    """A large channel does not hide what a small one lost, whatever the scale of both."""
    exact = np.random.default_rng(0).normal(size=(3, 40, 2)) * [1.0, 1e5] * scale
    found = exact + np.array([0.1, 0.0]) * scale
    each = metrics.channel_sqnr(list(exact), list(found))
    worst = metrics.worst_channel(each)
    assert worst.channel == 0 and worst.decibels == pytest.approx(20, abs=1) and each[1] == np.inf
    assert metrics.sqnr(list(exact), list(found)) == worst.decibels


def test_a_channel_that_stands_still_is_held_against_its_value():
    """Neither infinite nor lost: 0.7 held as 0.693 is 40 dB, and so it is where float32 rounds it now and then."""
    ramp = np.linspace(-1, 1, 50)
    exact = np.stack([ramp, np.full(50, 0.7)], axis=1)
    found = exact * [1.0, 0.99]
    assert metrics.channel_sqnr([exact], [found])[1] == pytest.approx(40)
    wavering = exact.astype(np.float32)
    wavering[::2, 1] = np.nextafter(np.float32(0.7), np.float32(1))
    assert metrics.channel_sqnr([wavering], [found])[1] == pytest.approx(40, abs=0.01)
    one_sample = metrics.channel_sqnr([exact[:1]], [exact[:1] * 0.9])
    assert one_sample == pytest.approx([20, 20])


def test_a_channel_of_zeros_is_held_against_the_others():
    exact = np.stack([np.tile([1.0, -1.0], 20), np.zeros(40)], axis=1)
    assert metrics.channel_sqnr([exact], [exact + np.array([0.0, 0.01])])[1] == pytest.approx(40)
    assert np.all(metrics.channel_sqnr([exact], [exact]) == np.inf)


def test_without_any_signal_there_is_no_sqnr():
    silent = np.zeros((5, 2))
    assert metrics.sqnr([silent], [silent]) == np.inf
    assert metrics.worst_channel(metrics.channel_sqnr([silent], [silent + 1])).channel is None
    assert np.isnan(metrics.sqnr([silent], [silent + 1]))


def test_accuracy_of_last_and_of_every_step():
    outputs = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert metrics.accuracy(outputs, np.array([1, 1, 1])) == pytest.approx(2 / 3)
    assert metrics.accuracy(outputs[None], np.array([[1, 0, 1]])) == 1.0
    with pytest.raises(InputError, match="do not fit"):
        metrics.accuracy(outputs, np.array([1, 1]))


def test_errors():
    outputs, targets = np.array([[1.0], [4.0]]), np.array([[2.0], [2.0]])
    assert (metrics.mse(outputs, targets), metrics.mae(outputs, targets)) == (2.5, 1.5)
    with pytest.raises(InputError, match="shape"):
        metrics.mse(outputs, targets[:, 0])


def test_sequences_of_different_lengths_are_laid_end_to_end():
    outputs = [np.ones((2, 1)), np.zeros((1, 1))]
    targets = [np.zeros((2, 1)), np.zeros((1, 1))]
    assert metrics.measure("mse", outputs, targets) == pytest.approx(2 / 3)
    classes = [np.array([0.1, 0.9]), np.array([0.9, 0.1])]
    assert metrics.measure("accuracy", classes, [np.array(1), np.array(1)]) == 0.5


def test_changes():
    assert metrics.change("mse", 2.0, 2.5) == 0.25 and metrics.change("mae", 0.0, 1.0) == float("inf")
    assert metrics.change("mse", 0.0, 0.0) == 0.0
    assert metrics.change("accuracy", 0.5, 0.25) == 0.25
    assert metrics.change(lambda y, t: 0.0, 4.0, 3.0) == 1.0


def test_accuracy_refuses_what_names_no_classes():
    outputs = np.array([[0.1, 0.9], [0.8, 0.2]])
    for targets in ([1, 2], [-1, 0], [0.5, 1], [np.nan, 1], ["a", "b"]):
        with pytest.raises(InputError, match="not classes"):
            metrics.accuracy(outputs, np.array(targets))
    assert metrics.accuracy(outputs, np.array([1.0, 0.0])) == 1.0
    with pytest.raises(InputError, match="one output for each class"):
        metrics.accuracy(outputs[:, :1], np.array([0, 0]))
    with pytest.raises(InputError, match="do not fit"):
        metrics.accuracy(outputs, outputs)


def test_a_metric_of_ones_own_returns_a_number():
    for wrong in (lambda y, t: None, lambda y, t: y - t, lambda y, t: "good"):
        with pytest.raises(InputError, match="does not return a number"):
            metrics.measure(wrong, [np.ones((2, 1))], [np.ones((2, 1))])
    assert metrics.measure(lambda y, t: np.float32(0.5), [np.ones(2)], [np.ones(2)]) == 0.5
    with pytest.raises(InputError, match="no metric 3"):
        metrics.measure(3, [np.ones(2)], [np.ones(2)])


def test_signals_that_are_far_smaller_than_their_errors_have_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = metrics.channel_sqnr([np.array([[1e-250], [0.0]])], [np.array([[1.0], [1.0]])])
    assert found == pytest.approx([10 * np.log10(0.25) - 5000])
