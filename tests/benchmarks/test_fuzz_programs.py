"""A few seeds of the random programs; `python -m benchmarks.fuzz programs` goes on from there."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.fuzz import onnx, programs
from benchmarks.fuzz.programs import program
from compiler.graph import ops
from compiler.running.extra import ONNX

SEEDS = range(60)


def test_executors_agree_on_random_programs() -> None:
    assert {programs.trial(seed) for seed in SEEDS} == {"equal"}


def test_onnxruntime_agrees_on_random_programs() -> None:
    if ONNX.missing():
        pytest.skip("onnx and onnxruntime are not installed")
    assert {onnx.trial(seed) for seed in range(8)} == {"equal"}


def test_programs_have_everything_that_integer_graphs_of_the_chip_can_have() -> None:
    graphs = [program(seed) for seed in range(300)]
    kinds = Counter(type(op) for g in graphs for _, op in g.ops())
    assert set(kinds) == {k for k in ops.OPS.values() if k.integer} - {ops.Divide}
    assert min(kinds.values()) > 20
    assert {len(g.blocks) for g in graphs} == {1, 2, 3, 4}
    assert {b.repeat for g in graphs for b in g.blocks} == {1, 2, 3}
    assert {len(g.states) for g in graphs} == {0, 1, 2, 3}
    assert {op.relation for g in graphs for _, op in g.ops() if isinstance(op, ops.Compare)} == set(ops.Relation)
    assert any(op.places is not None for g in graphs for _, op in g.ops() if isinstance(op, ops.MatVec))
    assert any(isinstance(op, ops.Input) and b.repeat > 1 for g in graphs for b, op in g.ops())


@pytest.mark.parametrize("seed", [0])
def test_the_same_seed_gives_the_same_program(seed: int) -> None:
    assert program(seed).blocks == program(seed).blocks
