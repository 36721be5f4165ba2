"""A few seeds of the models of norms and functions; `python -m benchmarks.fuzz functions` goes on from there."""

from __future__ import annotations

import pytest

pytest.importorskip("ncps", reason="ncps is not installed")

from benchmarks.fuzz import functions


@pytest.mark.parametrize("seed", range(8))
def test_models_of_functions_are_right_refused_or_warned_of(seed: int) -> None:
    assert functions.trial(seed).split(":")[0] in ("right", "warned", "refused", "nothing but zeros")
