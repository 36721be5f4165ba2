"""Steps of a solver that were written out are one block again, however many."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")

import onnx
from onnx import TensorProto, helper

import ltc2neuro
from ltc2neuro.errors import InputError
from ltc2neuro.frontends.onnx.ops.graph import Graph, Node, Repeat
from ltc2neuro.frontends.onnx.rerolling import reroll

CONSTANTS = {"w": np.full((1,), 0.5, np.float32), "tau": np.full((1,), 0.1, np.float32)}


def solver(steps: int) -> Graph:
    """v <- v + tau (tanh(w v + x) - v), `steps` times."""
    v, nodes = "v", list[Node]()
    for n in range(steps):
        chain = (("Mul", v, "w"), ("Add", f"0.{n}", "x"), ("Tanh", f"1.{n}"), ("Sub", f"2.{n}", v),
                 ("Mul", f"3.{n}", "tau"), ("Add", f"4.{n}", v))  # fmt: skip
        nodes += [Node(op, f"{op}{n}", tuple(of), (f"{place}.{n}",)) for place, (op, *of) in enumerate(chain)]
        v = f"5.{n}"
    return Graph(("x", "v"), (v,), tuple(nodes), CONSTANTS)


@pytest.mark.parametrize("steps", [2, 7, 600])
def test_all_steps_are_one_block(steps: int) -> None:
    (block,) = reroll(solver(steps)).nodes
    assert isinstance(block, Repeat) and block.times == steps and len(block.block.nodes) == 6


def test_a_graph_of_more_nodes_than_are_looked_through(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("x", "h", "h2")]
    names = ["h", *(f"n{number}" for number in range(30_000)), "h2"]
    nodes = [helper.make_node("Add", [a, "x"], [b]) for a, b in pairwise(names)]
    graph = helper.make_graph(nodes, "step", values[:2], values[2:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    with pytest.raises(InputError, match="too many nodes") as caught:
        ltc2neuro.from_onnx(tmp_path / "m.onnx", {"h": "h2"})
    assert "30001, at most 30000" in caught.value.numbers and "one step" in caught.value.advice
