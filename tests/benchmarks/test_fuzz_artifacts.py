"""Damaged files of networks, some seeds; `python -m benchmarks.fuzz artifacts` goes on from there."""

from __future__ import annotations

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import numpy as np

from benchmarks.fuzz import artifacts
from benchmarks.fuzz.damage import damaged_bytes, damaged_json, damaged_tensors, damaged_zip, members_of, packed, signed

SEEDS = range(120)


def test_damaged_files_end_in_one_error_or_are_sound() -> None:
    outcomes = {artifacts.trial(seed) for seed in SEEDS}
    for name in artifacts.DAMAGES:
        assert f"{name}: refused" in outcomes
    assert {"zip: the same network", "json: another network", "tensors: another network"} <= outcomes


@pytest.mark.parametrize("damage", [damaged_bytes, damaged_zip, damaged_json, damaged_tensors])
def test_damage_changes_the_file_and_is_seeded(damage) -> None:
    file = artifacts.originals()[0]
    made = [damage(np.random.default_rng(seed), file) for seed in range(20)]
    assert made == [damage(np.random.default_rng(seed), file) for seed in range(20)]
    assert sum(m == file for m in made) <= 1 and len(set(made)) > 15


def test_a_signed_file_loads() -> None:
    file = artifacts.originals()[0]
    members = members_of(file)
    assert members_of(packed(signed(members))).keys() == members.keys()
