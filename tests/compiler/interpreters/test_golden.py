"""The golden files of `docs/integer-semantics.md`: every executor here replays them, integer by integer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx_agreement import onnx_agrees
from op_test import is_basic

from compiler.graph import Graph, ops
from compiler.graph.serialize import from_json
from compiler.graph.validate import validate
from compiler.interpreters.reference import run_reference
from compiler.mapping import Options, Overlap, map_network
from compiler.ranges.proven import prove
from compiler.simulator.machine import Machine
from hw_models.chip import load_chip
from hw_models.fixed_point import SEMANTICS_VERSION

FILES = sorted((Path(__file__).parents[2] / "golden").glob("*.json"))


def read(path: Path) -> tuple[Graph, dict]:
    golden = json.loads(path.read_text("utf-8"))
    kinds = golden["graph"]["constants"]
    shapes = {
        name: (len(array), 0) if array and array[0] == [] else np.shape(array)
        for name, array in golden["arrays"].items()
    }
    arrays = {n: np.array(a, kinds[n]).reshape(shapes[n]) for n, a in golden["arrays"].items()}
    return validate(from_json(golden["graph"], arrays), path.name), golden


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request) -> tuple[Graph, dict]:
    return read(request.param)


def divides(graph: Graph) -> bool:
    return any(isinstance(op, ops.Divide) for _, op in graph.ops())


@pytest.mark.parametrize("narrow", [False, True])
def test_reference(golden, narrow):
    graph, expected = golden
    if narrow and divides(graph):
        return  # 32 bits are for chips that do not divide
    run = run_reference(graph, np.array(expected["x"]), narrow=narrow)
    assert run.outputs.tolist() == expected["outputs"]
    assert {n: s.tolist() for n, s in run.states.items()} == expected["states"]
    assert run.saturations == expected["saturations"]


@pytest.mark.parametrize("bits", [32, 64])
def test_onnx(golden, bits):
    graph, expected = golden
    run = onnx_agrees(graph, np.array(expected["x"]), bits)
    assert run.outputs.tolist() == expected["outputs"]
    assert {n: s.tolist() for n, s in run.states.items()} == expected["states"]
    assert run.saturations == expected["saturations"]


def test_mapped_machine(golden):
    graph, expected = golden
    chip = load_chip("ideal" if divides(graph) else "loihi2")
    prove(graph, chip)
    if not chip.lava:
        return
    x = np.array(expected["x"])
    machine = Machine(map_network(graph, chip, options=Options(Overlap.NONE)), lanes=len(x))
    for k in range(x.shape[1]):
        assert machine.sample(x[:, k].T).T.tolist() == [sequence[k] for sequence in expected["outputs"]]
        for name, states in expected["states"].items():
            assert machine.states[name].T.tolist() == [sequence[k] for sequence in states], name


def test_every_basic_integer_op_has_a_golden_file():
    """What a further one is, its own test has in plain Python."""
    found = {type(op) for path in FILES for _, op in read(path)[0].ops()}
    assert {op for op in ops.OPS.values() if op.integer and is_basic(op)} <= found


def test_golden_files_are_of_this_version():
    """Whoever changes a result raises the version, writes new files and says so in the document."""
    document = (Path(__file__).parents[3] / "docs" / "integer-semantics.md").read_text("utf-8")
    assert f"# Integer semantics, version {SEMANTICS_VERSION}" in document
    assert f"version {SEMANTICS_VERSION}" in read(FILES[0].with_name("small_ltc.json"))[1]["about"]
