"""Division, of chips that divide."""

from __future__ import annotations

from graph_strategies import Builder
from op_test import OpTest, Sample

from compiler.graph.ops import Divide


class TestDivide(OpTest):
    chip = "ideal"
    noise = 0.5

    def build(self, b: Builder, x: str) -> str:
        out = b.value(3, -(2**28), 2**28)
        b.ops.append(Divide(out, x, b.constant([1, 7, 32767]), 12))
        return out

    def answer(self, x: Sample) -> Sample:
        return [v * 4096 // d for v, d in zip(x, (1, 7, 32767), strict=True)]
