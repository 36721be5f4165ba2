"""States of ONNX steps that are proven to stay in an interval, read off the graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")

import onnx
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from onnx import TensorProto, helper, numpy_helper
from onnx_models import FEATURES, Model, Stepped, Timed, export, model

from ltc2neuro.frontends.onnx.cells import StepCell
from ltc2neuro.frontends.onnx.examples import of_step
from ltc2neuro.frontends.onnx.modules import cell_of
from ltc2neuro.frontends.onnx.reading import read
from ltc2neuro.frontends.onnx.roles import step_of
from ltc2neuro.tracing.layers.ncps import hull


def unproved(path: Path, states: dict[str, str]) -> StepCell:
    """What `from_onnx` makes, without another runtime's opinion, which takes a second."""
    step = step_of(read(path), states, None)
    return cell_of(step, [[torch.from_numpy(a) for a in of_step(step, rows).values()] for rows in (2, 3)])


def exported(step: Model, path: Path) -> StepCell:
    return unproved(export(step, path), step.states)


@pytest.mark.parametrize("name", ["gru", "lstm", "cfc", "wired cfc", "own", "rnn"])
def test_means_with_a_tanh_stay_within_one(tmp_path: Path, name: str) -> None:
    bounds = exported(model(name), tmp_path / "m.onnx").state_bounds(1.0)
    assert bounds[0] == (torch.tensor([-1.0]), torch.tensor([1.0]))
    assert all(bound is None for bound in bounds[1:])  # an LSTM's c


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_quotient_has_the_hull_that_is_known_of_an_ltc(tmp_path: Path, seed: int, timed: bool) -> None:
    torch.manual_seed(seed)
    ltc = LTC(FEATURES, AutoNCP(9, 2, seed=seed), implicit_param_constraints=seed % 2 == 0).rnn_cell
    with torch.no_grad():
        for name in ("mu", "sigma", "erev", "vleak", "sensory_erev"):
            ltc._params[name].add_(torch.randn_like(ltc._params[name]))
    step = Model((Timed if timed else Stepped)(ltc), (9,), {"v": "v2"}, elapsed=timed)
    (bound,) = exported(step, tmp_path / "m.onnx").state_bounds(1.0)
    assert bound is not None
    low, high = hull(ltc, np.zeros(9))  # the exporter has added leak and capacity up in float32
    assert np.allclose(np.minimum(bound[0].numpy(), 0.0), low, rtol=0.0, atol=1e-5)
    assert np.allclose(np.maximum(bound[1].numpy(), 0.0), high, rtol=0.0, atol=1e-5)


def test_a_bound_follows_the_weights(tmp_path: Path) -> None:
    """They are parameters: who trains on changes where the state stays, and a negative conductance proves nothing."""
    step = model("ltc")
    torch.manual_seed(0)
    raw = LTC(FEATURES, AutoNCP(19, 1, seed=1), implicit_param_constraints=False).rnn_cell
    cell = exported(Model(Stepped(raw), step.sizes, step.states), tmp_path / "m.onnx")
    parameters = dict(cell.named_parameters())
    with torch.no_grad():
        parameters["cell_erev"].mul_(3.0)
    (bound,) = cell.state_bounds(1.0)
    assert bound is not None and float(bound[1].max()) == 3.0
    with torch.no_grad():
        parameters["cell_w"].mul_(-1.0)
    assert cell.state_bounds(1.0) == [None]


def state_of(path: Path, *nodes: onnx.NodeProto, z: float = 0.5) -> list[object]:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("x", "h", "h2")]
    constants = [
        numpy_helper.from_array(np.array(value, np.float32), name)
        for name, value in (("z", z), ("one", 1.0), ("w", [1.0, 2.0]), ("w2", [2.0, 3.0]), ("wv", [4.0, -8.0]))
    ]
    graph = helper.make_graph(
        [helper.make_node("Tanh", ["x"], ["n"]), helper.make_node("Sigmoid", ["x"], ["q"]), *nodes],
        "step", values[:2], values[2:], initializer=constants,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    found = unproved(path, {"h": "h2"}).state_bounds(1.0)
    return [None if end is None else [e.tolist() for e in end] for end in found]


def op(name: str, *inputs: str, to: str) -> onnx.NodeProto:
    return helper.make_node(name, inputs, [to])


LEAK = [op("Sub", "n", "h", to="d"), op("Mul", "d", "z", to="zd"), op("Add", "h", "zd", to="h2")]
GATED = [
    op("Sub", "one", "q", to="r"),
    op("Mul", "r", "h", to="rh"),
    op("Mul", "q", "n", to="qn"),
    op("Add", "rh", "qn", to="h2"),
]
RATIO = [
    op("Mul", "w", "h", to="wh"),
    op("Add", "wh", "wv", to="top"),
    op("Add", "w2", "q", to="bottom"),
    op("Div", "top", "bottom", to="h2"),
]


def test_forms_of_means(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    assert state_of(path, *LEAK) == [[[-1.0], [1.0]]]
    assert state_of(path, *GATED) == [[[-1.0], [1.0]]]
    assert state_of(path, *RATIO) == [[[0.0, -8.0], [4.0, 0.0]]]


def test_a_weight_of_several_factors(tmp_path: Path) -> None:
    nodes = [op("Sub", "n", "h", to="d"), op("Mul", "d", "q", to="qd"), op("Mul", "z", "qd", to="zqd")]
    assert state_of(tmp_path / "m.onnx", *nodes, op("Add", "h", "zqd", to="h2")) == [[[-1.0], [1.0]]]
    assert state_of(tmp_path / "m.onnx", *nodes, op("Add", "h", "zqd", to="h2"), z=2.0) == [None]


def test_what_is_no_mean(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    assert state_of(path, *LEAK, z=1.5) == [None]
    assert state_of(path, op("Add", "h", "n", to="h2")) == [None]
    assert state_of(path, op("Sub", "h", "n", to="d"), *LEAK[1:]) == [None]
    assert state_of(path, *GATED[:2], op("Mul", "q", "x", to="qn"), GATED[3]) == [None]
    assert state_of(path, op("Mul", "w2", "h", to="wh"), RATIO[1], op("Add", "w", "q", to="bottom"), RATIO[3]) == [None]
    assert state_of(path, *RATIO[:2], op("Add", "w2", "n", to="bottom"), RATIO[3]) == [None]
