"""Sizes that a model sees say whether it decides something by them."""

import copy
import pickle

import numpy as np
import torch

from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.extents import Decisions, Extent, counted

SHAPE = (axes.ROWS, axes.STEPS, 5)
CODES = axes.encode(axes.spread_labels(axes.sequence_labels(time_first=False), SHAPE), torch.arange(5))


def sizes():
    noted = Decisions()
    return noted, [counted(size, axis, CODES, noted) for axis, size in enumerate(SHAPE)]


def test_rows_and_steps_are_extents_and_features_are_not():
    _, (rows, steps, features) = sizes()
    assert isinstance(rows, Extent) and (rows.counted.rows, rows.counted.steps) == (True, False)
    assert isinstance(steps, Extent) and (steps.counted.rows, steps.counted.steps) == (False, True)
    assert type(features) is int
    flat = counted(6, 0, CODES.reshape(6, 5), Decisions())
    assert isinstance(flat, Extent) and flat.counted.rows and flat.counted.steps


def test_sums_and_products_count_what_their_terms_count():
    _, (rows, steps, features) = sizes()
    both = features * rows * steps + 1
    assert both == 31 and isinstance(both, Extent) and both.counted.rows and both.counted.steps
    assert isinstance(1 - steps, Extent) and not isinstance(steps // 2, Extent)


def test_torch_numpy_and_copies_take_an_extent_for_a_number():
    _, (rows, steps, _) = sizes()
    assert torch.zeros(rows, steps).shape == (2, 3) and np.zeros((rows, steps)).shape == (2, 3)
    assert torch.arange(6).reshape(rows, steps)[rows - 1, steps - 1] == 5 and list(range(steps)) == [0, 1, 2]
    assert type(torch.zeros(2)[:rows].shape[0]) is int
    for copied in (copy.deepcopy(steps), pickle.loads(pickle.dumps(steps))):
        assert type(copied) is int and copied == 3
