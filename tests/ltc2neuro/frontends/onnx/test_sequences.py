"""`from_onnx` of graphs over whole sequences: ONNX's recurrent layers and `Scan`, with what lies around them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

import onnx
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from onnx import TensorProto, helper, numpy_helper
from onnx_models import FEATURES, write
from torch import nn

import ltc2neuro
from ltc2neuro.errors import InputError, TraceError

X = np.random.default_rng(0).normal(size=(4, 12, FEATURES)).astype(np.float32)


class Net(nn.Module):
    """A recurrent layer between others."""

    def __init__(self, rnn: nn.Module, last: bool) -> None:
        super().__init__()
        self.before, self.rnn, self.last = nn.Linear(FEATURES, 4), rnn, last
        self.after = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))

    def forward(self, x):
        y, _ = self.rnn(torch.tanh(self.before(x)))
        return self.after(y[:, -1] if self.last else y)


def between(kind: str) -> Net:
    torch.manual_seed(0)
    rnn = {
        "lstm": lambda: nn.LSTM(4, 8, batch_first=True),
        "deep gru": lambda: nn.GRU(4, 8, num_layers=2, batch_first=True),
        "relu": lambda: nn.RNN(4, 8, nonlinearity="relu", batch_first=True),
    }[kind]()
    return Net(rnn, last=kind == "deep gru")


def answer(model: nn.Module, x: np.ndarray = X) -> np.ndarray:
    with torch.no_grad():
        y = model(torch.from_numpy(x))
    return (y[0] if isinstance(y, tuple) else y).numpy()


@pytest.mark.parametrize("kind", ["lstm", "deep gru", "relu"])
@pytest.mark.parametrize("free", [True, False])
def test_layers_as_the_older_exporter_writes_them(tmp_path: Path, kind: str, free: bool) -> None:
    """A model that was exported for 2 rows and 5 steps runs with others, too."""
    model, path = between(kind), tmp_path / "m.onnx"
    axes = {name: {0: "batch", 1: "time"} for name in ("x", "y")} if free else {}
    write(model, [torch.zeros(2, 5, FEATURES)], path, ["x"], ["y"], axes)
    assert np.abs(answer(ltc2neuro.from_onnx(path)) - answer(model)).max() < 1e-6


@pytest.mark.parametrize(("kind", "free"), [("lstm", False), ("deep gru", True)])
def test_layers_as_the_newer_exporter_writes_them(tmp_path: Path, kind: str, free: bool) -> None:
    pytest.importorskip("onnxscript", reason="the newer exporter needs onnxscript")
    model, path = between(kind), tmp_path / "m.onnx"
    axes = {name: {0: "batch"} for name in ("x", "y")} if free else {}
    write(model, [torch.zeros(2, 5, FEATURES)], path, ["x"], ["y"], axes, dynamo=True, opset=18)
    layer = ltc2neuro.from_onnx(path)
    assert np.abs(answer(layer) - answer(model)).max() < 1e-6
    if free:
        net = ltc2neuro.compile(layer, X)
        assert np.abs(net(X) - answer(model)).max() < 1e-3
        assert net.evidence.arithmetic == "float64"


class Several(nn.Module):
    """Two sequences and what is held over them in; an answer at each step, and one at the last, out."""

    def __init__(self, *, batch_first: bool = True) -> None:
        super().__init__()
        self.rnn, self.gate = nn.GRU(FEATURES + 3, 6, batch_first=batch_first), nn.Linear(4, 6)
        self.each, self.end = nn.Linear(6, 2), nn.Linear(6, 3)

    def forward(self, x, u, held):
        h = self.rnn(torch.cat([x, u], -1))[0] * torch.sigmoid(self.gate(held))[:, None]
        return self.each(h), self.end(h[:, -1])


U = np.random.default_rng(1).normal(size=(4, 12, 3)).astype(np.float32)
HELD = np.random.default_rng(2).normal(size=(4, 4)).astype(np.float32)


def several(path: Path) -> Several:
    torch.manual_seed(0)
    model = Several()
    samples = [torch.zeros(2, 5, FEATURES), torch.zeros(2, 5, 3), torch.zeros(2, 4)]
    axes = {0: "batch", 1: "time"}
    write(model, samples, path, ["x", "u.0", "held"], ["y", "end"], {"x": axes, "u.0": axes, "held": {0: "batch"}})
    return model


def test_several_inputs_and_answers(tmp_path: Path) -> None:
    """Inputs in their order or by their names, those of Python where they are none; answers by their names."""
    model = several(tmp_path / "m.onnx")
    layer = ltc2neuro.from_onnx(tmp_path / "m.onnx", output=("y", "end"))
    with torch.no_grad():
        expected = dict(zip(("y", "end"), model(*map(torch.from_numpy, (X, U, HELD))), strict=True))
    for given in ((X, U, HELD), {"held": HELD, "u_0": U, "x": X}):
        net = ltc2neuro.compile(layer, given)
        found = net({"x": X, "u_0": U, "held": HELD})
        assert isinstance(found, dict) and found.keys() == expected.keys()
        assert all(np.abs(y - expected[name].numpy()).max() < 3e-3 for name, y in found.items())
    one = ltc2neuro.compile(ltc2neuro.from_onnx(tmp_path / "m.onnx", output="end"), (X, U, HELD))
    assert np.abs(one((X, U, HELD)) - expected["end"].numpy()).max() < 3e-3
    with pytest.raises(InputError, match="'held' is missing"):
        ltc2neuro.compile(layer, (X, U))
    with pytest.raises(InputError, match="other inputs"):
        layer(torch.from_numpy(X), held=torch.from_numpy(HELD))


@pytest.mark.parametrize(
    ("output", "said"),
    [(None, "several answers"), ([], "no output is named"), (["y", "z"], "no output 'z'"), (7, "must be names")],
)
def test_answers_that_are_said_wrongly(tmp_path: Path, output, said: str) -> None:
    several(tmp_path / "m.onnx")
    with pytest.raises(InputError, match=said):
        ltc2neuro.from_onnx(tmp_path / "m.onnx", output=output)


def test_images(tmp_path: Path) -> None:
    torch.manual_seed(0)

    class Seen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.see, self.rnn = nn.Conv2d(1, 2, 3, stride=2), nn.GRU(8, 3, batch_first=True)

        def forward(self, x):
            seen = self.see(x.flatten(0, 1))
            both = torch.stack([torch.relu(seen[:, 0]), torch.tanh(seen[:, 1])], 1)  # channels, not steps
            return self.rnn(both.flatten(1).view(*x.shape[:2], 8))[0]

    model, x = Seen(), np.random.default_rng(0).normal(size=(2, 7, 1, 5, 6)).astype(np.float32)
    axes = {name: {0: "batch", 1: "time"} for name in ("x", "y")}
    write(model, [torch.zeros(2, 5, 1, 5, 6)], tmp_path / "m.onnx", ["x"], ["y"], axes)
    net = ltc2neuro.compile(ltc2neuro.from_onnx(tmp_path / "m.onnx"), x)
    assert np.abs(net(x) - answer(model, x)).max() < 3e-3


class Read(nn.Module):
    """Samples beside tokens that are looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.rnn = nn.Embedding(7, 3), nn.GRU(FEATURES + 3, 4, batch_first=True)

    def forward(self, x, words):
        return self.rnn(torch.cat([x, self.table(words)], -1))[0]


TOKENS = np.random.default_rng(3).integers(0, 7, (4, 12))


def test_tokens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, axes = Read(), {0: "batch", 1: "time"}
    samples = [torch.zeros(2, 5, FEATURES), torch.zeros(2, 5, dtype=torch.int64)]
    write(model, samples, tmp_path / "m.onnx", ["x", "words"], ["y"], {"x": axes, "words": axes})
    layer = ltc2neuro.from_onnx(tmp_path / "m.onnx")
    net = ltc2neuro.compile(layer, (X, TOKENS))
    with torch.no_grad():
        expected = model(torch.from_numpy(X), torch.from_numpy(TOKENS)).numpy()
    assert np.abs(net((X, TOKENS)) - expected).max() < 3e-3
    assert net.tokens is not None and [t.rows.shape for t in net.tokens.tables] == [(7, 3)]
    with pytest.raises(InputError, match="tokens are expected"):
        ltc2neuro.compile(layer, {"x": X, "words": X})


def test_whole_numbers_that_are_no_tokens(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def forward(self, x, k):
            return x * k.float().unsqueeze(-1)

    samples, axes = [torch.zeros(2, 5, FEATURES), torch.zeros(2, 5, dtype=torch.int64)], {0: "batch", 1: "time"}
    write(Scaled(), samples, tmp_path / "m.onnx", ["x", "k"], ["y"], {"x": axes, "k": axes})
    with pytest.raises(InputError, match="selects no rows") as caught:
        ltc2neuro.from_onnx(tmp_path / "m.onnx")
    assert caught.value.numbers == "k (?, ?)"


@pytest.mark.parametrize("layers", [1, 2])
def test_first_states_that_are_inputs_are_refused(tmp_path: Path, layers: int) -> None:
    torch.manual_seed(0)
    samples = [torch.zeros(2, 5, FEATURES), torch.zeros(layers, 2, 3)]
    rnn = nn.GRU(FEATURES, 3, num_layers=layers, batch_first=True)
    write(rnn, samples, tmp_path / "m.onnx", ["x", "h0"], ["y", "hn"], {"x": {0: "batch", 1: "time"}})
    with pytest.raises(InputError, match="starts from an input of the model") as caught:
        ltc2neuro.from_onnx(tmp_path / "m.onnx", output="y")
    assert caught.value.numbers == "h0"


def single(
    path: Path, op: str, gates: int, *, layout: int = 0, biased: bool = True, start: bool = False, **more
) -> Path:
    """A file of one layer of 3 units, its answers (batch, time, 3) or, with layout 0, (time, batch, 3)."""
    random = np.random.default_rng(1)
    shapes = {"W": (1, gates * 3, FEATURES), "R": (1, gates * 3, 3), "B": (1, gates * 6), "h0": (1, 1, 3)}
    weights = [
        numpy_helper.from_array(random.normal(0.0, 0.4, size=shape).astype(np.float32), name)
        for name, shape in shapes.items()
        if (biased or name != "B") and (start or name != "h0")
    ]
    axis = numpy_helper.from_array(np.array([2 if layout else 1]), "directions")
    inputs = ["x", "W", "R", "B" if biased else "", "", "h0" if start else ""]
    nodes = [
        helper.make_node(op, inputs, ["all"], hidden_size=3, layout=layout, **more),
        helper.make_node("Squeeze", ["all", "directions"], ["y"]),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1 if start else "a", "b", n])
        for name, n in (("x", FEATURES), ("y", 3))
    ]
    graph = helper.make_graph(nodes, "one layer", values[:1], values[1:], initializer=[*weights, axis])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


VARIANTS = [
    ("GRU", 3, {"linear_before_reset": 0}),
    ("GRU", 3, {"linear_before_reset": 1, "biased": False}),
    ("GRU", 3, {"layout": 1, "linear_before_reset": 1}),
    ("LSTM", 4, {"layout": 1, "start": True}),
    ("RNN", 1, {"activations": ["Relu"]}),
]


@pytest.mark.parametrize(("op", "gates", "more"), VARIANTS)
def test_variants_that_torch_does_not_write(tmp_path: Path, op: str, gates: int, more: dict) -> None:
    """`from_onnx` itself compares with another runtime: onnxruntime, or onnx's own for what that lacks (layout=1)."""
    layer = ltc2neuro.from_onnx(single(tmp_path / "m.onnx", op, gates, **more))
    first = bool(more.get("layout"))
    net = ltc2neuro.compile(layer, X, batch_first=first)
    y = answer(layer, X if first else X.swapaxes(0, 1))
    assert np.abs(net(X if first else X.swapaxes(0, 1)) - y).max() < 2e-3


@pytest.mark.parametrize(
    ("op", "gates", "more", "said"),
    [
        ("GRU", 3, {"direction": "reverse"}, "is reverse"),
        ("GRU", 3, {"activations": ["Relu", "Tanh"]}, "activations Relu, Tanh"),
        ("LSTM", 4, {"clip": 1.0}, "clips"),
        ("LSTM", 4, {"input_forget": 1}, "one gate"),
    ],
)
def test_variants_that_are_refused(tmp_path: Path, op: str, gates: int, more: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ltc2neuro.from_onnx(single(tmp_path / "m.onnx", op, gates, **more))


@pytest.mark.parametrize("form", ["sequence", "step"])
def test_our_own_float_models_come_back(tmp_path: Path, form: str) -> None:
    """A `Scan` with a `Loop` in it: an LTC that was written out by `to_onnx`."""
    torch.manual_seed(0)
    model = LTC(FEATURES, AutoNCP(8, 1, seed=1))
    ltc2neuro.compile(model, X).to_onnx(tmp_path / "m.onnx", graph="float", form=form)
    states = {"v": "v.next"} if form == "step" else None
    layer = ltc2neuro.from_onnx(tmp_path / "m.onnx", states, output="y")
    assert np.abs(answer(layer) - answer(model)).max() < 1e-6
    if form == "sequence":
        net = ltc2neuro.compile(layer, X)
        assert [block.repeat for block in net.graph.blocks] == [1, 6, 1]
        assert np.abs(net(X) - answer(model)).max() < 1e-3


@pytest.mark.parametrize("cell", ["ltc", "cfc"])
def test_an_unrolled_sequence_is_refused_with_lines_that_export_the_step(tmp_path, monkeypatch, cell: str) -> None:
    torch.manual_seed(0)
    model = LTC(FEATURES, 4) if cell == "ltc" else CfC(FEATURES, 4, backbone_units=6)
    free = {"x": {0: "batch", 1: "time"}} if cell == "cfc" else {}  # it runs for 5 steps, whatever it declares
    write(model, [torch.zeros(1, 5, FEATURES)], tmp_path / "m.onnx", ["x"], ["y", "h"], free)
    with pytest.raises(TraceError, match="loop over the samples is written out") as caught:
        ltc2neuro.from_onnx(tmp_path / "m.onnx", output="y")
    monkeypatch.chdir(tmp_path)
    lines = caught.value.advice.split("\n\n", 1)[1].replace("**names", "**names, dynamo=False")  # the faster one
    names: dict[str, object] = {"torch": torch, "ltc2neuro": ltc2neuro, "model": model}
    exec(textwrap.dedent(lines), names)
    layer = names["layer"]
    assert isinstance(layer, nn.Module)
    assert np.abs(answer(layer) - answer(model)).max() < 1e-6


class TimeFirst(nn.Module):
    """Torch's layer as torch makes it, with what is held over a sequence."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.rnn = nn.GRU(FEATURES + 2, 4)

    def forward(self, x, held):
        return self.rnn(torch.cat([x, held[None].expand(x.shape[0], -1, -1)], -1))[0]


def test_time_first_beside_what_is_held(tmp_path: Path) -> None:
    path, x, held = tmp_path / "m.onnx", np.ascontiguousarray(X.swapaxes(0, 1)), HELD[:, :2]
    axes = {"x": {0: "time", 1: "batch"}, "held": {0: "batch"}, "y": {0: "time", 1: "batch"}}
    write(TimeFirst(), (torch.from_numpy(x), torch.from_numpy(held)), path, ["x", "held"], ["y"], axes)
    net = ltc2neuro.compile(ltc2neuro.from_onnx(path), {"x": x, "held": held}, batch_first=False)
    with torch.no_grad():
        expected = TimeFirst()(torch.from_numpy(x), torch.from_numpy(held)).numpy()
    assert np.abs(np.asarray(net({"x": x, "held": held})) - expected).max() < 0.01
