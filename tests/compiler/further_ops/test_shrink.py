"""An op that is nowhere in the packages, in one file of this folder's: all executors compute it, and files hold it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from graph_strategies import Builder
from op_test import OpTest, Sample
from toy_op import shrink

import ltc2neuro
from compiler.graph.ops import OPS
from ltc2neuro.tracing.ops.decompositions import DECOMPOSITIONS

LIMIT = 300


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(OPS, "Shrink", shrink.Shrink)
    monkeypatch.setitem(DECOMPOSITIONS, torch.nn.functional.hardshrink, shrink.hardshrink)


class TestShrink(OpTest):
    def build(self, b: Builder, x: str) -> str:
        out = b.value(self.size, *b.bounds(x))
        b.ops.append(shrink.Shrink(out, x, b.constant([LIMIT])))
        return out

    def answer(self, x: Sample) -> Sample:
        return [v if abs(v) > LIMIT else 0 for v in x]


class Denoiser(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.readout = torch.nn.RNN(3, 5, batch_first=True), torch.nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(torch.nn.functional.hardshrink(self.cell(x)[0] * 2, 0.25))


def test_a_model_with_it_is_compiled_kept_in_a_file_and_equal_on_all_executors(tmp_path):
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(3, 20, 3))
    net = ltc2neuro.compile(Denoiser().eval(), x)
    assert any(isinstance(op, shrink.Shrink) for _, op in net.graph.ops())
    net.save(tmp_path / "net.l2n")
    again = ltc2neuro.load(tmp_path / "net.l2n")
    expected = net.run(x).integers
    for executor in ("reference", "simulator", "native", "onnx"):
        assert np.array_equal(again.run(x, on=executor).integers, expected), executor
