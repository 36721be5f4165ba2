"""A few seeds of the models that mix steps; `python -m benchmarks.fuzz mixing` goes on from there."""

from __future__ import annotations

import pytest

pytest.importorskip("ncps", reason="ncps is not installed")
pytest.importorskip("sklearn", reason="the kindred cells of the examples read its digits")

from benchmarks.fuzz import mixing


@pytest.mark.parametrize("seed", range(4))
def test_models_that_mix_steps_are_right_refused_or_warned_of(seed: int) -> None:
    assert mixing.trial(seed).split(":")[0] in ("right", "warned", "refused", "nothing but zeros")
