"""SQNR and task metrics, against numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ltc2neuro import metrics
from ltc2neuro.errors import InputError


def test_sqnr():
    assert metrics.sqnr([np.array([3.0, 4.0])], [np.array([3.0, 4.5])]) == pytest.approx(20.0)
    assert metrics.sqnr([np.array([3.0]), np.array([4.0])], [np.array([3.0]), np.array([4.5])]) == pytest.approx(20.0)
    assert metrics.sqnr([np.ones(2)], [np.ones(2)]) == float("inf")
    assert metrics.sqnr([np.zeros(2)], [np.ones(2)]) == float("-inf")


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
        with pytest.raises(InputError, match="no classes"):
            metrics.accuracy(outputs, np.array(targets))
    assert metrics.accuracy(outputs, np.array([1.0, 0.0])) == 1.0
    with pytest.raises(InputError, match="an output a class"):
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
