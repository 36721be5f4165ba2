"""A few seeds of the composed torch models; `python -m benchmarks.fuzz models` goes on from there."""

from __future__ import annotations

import pytest

pytest.importorskip("ncps", reason="ncps is not installed")

import numpy as np

from benchmarks.fuzz import models
from benchmarks.fuzz.composed import example


@pytest.mark.parametrize("seed", range(12))
def test_composed_models_are_right_refused_or_warned_of(seed: int) -> None:
    assert models.trial(seed).split(":")[0] in ("right", "warned", "refused")


def test_a_seed_gives_one_model_and_new_data() -> None:
    one, two = example(5), example(5)
    assert np.array_equal(one.new, two.new) and one.new.shape[:2] != one.calibration.shape[:2]
    state = two.model.state_dict()
    assert all(np.array_equal(tensor, state[name]) for name, tensor in one.model.state_dict().items())


@pytest.mark.parametrize("seed", [88, 155, 224, 1207])
def test_what_fuzzing_found(seed: int) -> None:
    """A sum far coarser than its parts, a layer that never answers, one number over a denominator of one octave, and a
    comparison at its threshold."""
    assert models.trial(seed) in ("right", "warned")
