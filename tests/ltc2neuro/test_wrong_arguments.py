"""Every public function with every kind of wrong argument: it works, or ends in one error of ours, and nothing else."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure  # noqa: E402

import ltc2neuro  # noqa: E402
from compiler.running.extra import ONNX_FILES  # noqa: E402
from hw_models.errors import InputError, Ltc2NeuroError  # noqa: E402
from ltc2neuro import metrics  # noqa: E402
from ltc2neuro.extras import LAVA, NIR  # noqa: E402
from ltc2neuro.loading.weights import load_weights  # noqa: E402

X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
ANSWERS = np.zeros((2, 4, 2))


class Cell(torch.nn.Module):
    """A leaky state of two."""

    state_size = 2

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Linear(3, 2)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return 0.5 * h + torch.tanh(self.w(x))


class Small(torch.nn.Module):
    """A model with one state."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn = ltc2neuro.nn.Recurrent(Cell())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


@cache
def net() -> ltc2neuro.Network:
    return ltc2neuro.compile(Small(), X)


@cache
def timed() -> ltc2neuro.Network:
    return ltc2neuro.compile(ltc2neuro.nn.CTRNN(3, 2, steps=1), X, timespans=np.ones((2, 4)))


@cache
def library() -> ltc2neuro.LibraryNetwork:
    return ltc2neuro.compile(Small(), X, microcode=False)


def repeated(state: torch.Tensor, times: int) -> torch.Tensor:
    """What a step of the user's own raises is his."""
    return ltc2neuro.nn.repeat(lambda v: v, state, times)


def wrong_arguments(folder: Path) -> dict[str, object]:
    """Kinds of what users hand in by mistake."""
    other = folder / "other.l2n"
    other.write_text("something else")
    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(X))
    return {
        "None": None,
        "True": True,
        "NumPy's True": np.True_,
        "-1": -1,
        "0": 0,
        "3": 3,
        "2**70": 2**70,
        "1.5": 1.5,
        "nan": float("nan"),
        "1j": 1j,
        "text": "a",
        "empty text": "",
        "text with a null": "a\0b",
        "long text": "a" * 5000,
        "bytes": b"x",
        "empty list": [],
        "list of None": [None],
        "ragged list": [[1.0, 2.0], [3.0]],
        "texts in lists": [["a", "b"]],
        "tuple": (1, 2, 3),
        "dict": {},
        "dict of numbers": {1: 2},
        "dict of dicts": {"a": {"b": "c"}},
        "object": object(),
        "function": lambda *_: None,
        "class": dict,
        "generator": (i for i in range(3)),
        "scalar array": np.array(1.0),
        "1 axis": np.ones(3),
        "2 axes": np.ones((4, 3)),
        "4 axes": np.ones((2, 4, 3, 3)),
        "other features": np.ones((2, 4, 7)),
        "no rows": np.ones((0, 4, 3)),
        "no steps": np.ones((2, 0, 3)),
        "no features": np.ones((2, 4, 0)),
        "objects": np.full((2, 4, 3), None, dtype=object),
        "complex": np.ones((2, 4, 3), complex),
        "texts": np.full((2, 4, 3), "a"),
        "dates": np.zeros((2, 4, 3), "datetime64[s]"),
        "records": np.zeros((2, 4), [("a", "f4"), ("b", "f4")]),
        "NaNs": np.full((2, 4, 3), np.nan),
        "huge": np.full((2, 4, 3), 1e300),
        "meta tensor": torch.zeros(2, 4, 3, device="meta"),
        "sparse tensor": torch.zeros(2, 4, 3).to_sparse(),
        "bfloat16 tensor": torch.zeros(2, 4, 3, dtype=torch.bfloat16),
        "tensor with gradient": torch.zeros(2, 4, 3, requires_grad=True),
        "module": torch.nn.Linear(3, 2),
        "module class": torch.nn.Linear,
        "data": X,
        "loader": torch.utils.data.DataLoader(pairs),
        "data set": pairs,
        "network": net(),
        "library network": library(),
        "run": net().run(X),
        "chip": ltc2neuro.load_chip("loihi2"),
        "precision": ltc2neuro.Precision(),
        "options": ltc2neuro.Options(),
        "folder": folder,
        "no such file": folder / "none.l2n",
        "other file": other,
        "file below a file": other / "x.l2n",
    }


def calls() -> dict[str, tuple[Callable[..., object], Mapping[str, object]]]:
    """Each public function with right arguments; what is left out has its default."""
    own, lib, span = net(), library(), timed()
    found: dict[str, tuple[Callable[..., object], Mapping[str, object]]] = {
        "compile": (ltc2neuro.compile, {"model": Small(), "calibration": X}),
        "compile without microcode": (
            ltc2neuro.compile,
            {"model": Small(), "calibration": X, "microcode": False},
        ),
        "check a module": (ltc2neuro.check, {"model_or_net": Small(), "chip": "loihi2", "calibration": X}),
        "check a network": (ltc2neuro.check, {"model_or_net": own}),
        "verify": (ltc2neuro.verify, {"net": own, "model": Small(), "x": X, "on": ()}),
        "verify a metric": (
            ltc2neuro.verify,
            {"net": own, "model": None, "x": X, "on": (), "targets": ANSWERS, "metric": "mse"},
        ),
        "attribute": (ltc2neuro.attribute, {"net": own, "x": X}),
        "progress": (ltc2neuro.progress, {"shown": True}),
        "search": (ltc2neuro.search, {"model": Small(), "x": np.concatenate([X, X]), "budget_s": 0.01}),
        "tune": (ltc2neuro.tune, {"net": own, "x": np.concatenate([X, X, X]), "epochs": 1}),
        "report": (own.report, {"path": "none/none.html"}),
        "plot.traces": (ltc2neuro.plot.traces, {"net": own, "x": X}),
        "plot.ranges": (ltc2neuro.plot.ranges, {"net": own, "x": X, "ax": Figure().subplots()}),
        "compare": (ltc2neuro.compare, {"default": own, "library": lib, "x": X}),
        "compare a metric": (
            ltc2neuro.compare,
            {"default": own, "library": lib, "x": X, "targets": ANSWERS, "metric": "mae"},
        ),
        "evaluate": (ltc2neuro.evaluate, {"net": own, "data": X, "against_float": False}),
        "evaluate a metric": (
            ltc2neuro.evaluate,
            {"net": own, "data": torch.utils.data.DataLoader(list(zip(X, ANSWERS, strict=True))), "metric": "mae"},
        ),
        "evaluate, timed": (ltc2neuro.evaluate, {"net": span, "data": X, "timespans": np.ones((2, 4))}),
        "load": (ltc2neuro.load, {"path": "none.l2n"}),
        "load_chip": (ltc2neuro.load_chip, {"chip": "loihi2"}),
        "load_weights": (load_weights, {"model": Small(), "path": "none.pt"}),
        "Precision": (ltc2neuro.Precision, {}),
        "Precision.at": (ltc2neuro.Precision(overrides={"a": {"word": 24}}).at, {"name": "a"}),
        "Precision.explain": (ltc2neuro.Precision(overrides={"a": {"word": 24}}).explain, {"name": "a"}),
        "Options": (ltc2neuro.Options, {}),
        "LibraryForm": (ltc2neuro.LibraryForm, {}),
        "net()": (own, {"x": X}),
        "run": (own.run, {"x": X}),
        "run, timed": (span.run, {"x": X, "timespans": np.ones((2, 4))}),
        "stream": (own.stream, {}),
        "step": (lambda x: own.stream().step(x), {"x": X[0, 0]}),
        "step, batch": (lambda x: own.stream(batch=2).step(x), {"x": X[:, 0]}),
        "step, timed": (lambda x, timespan: span.stream().step(x, timespan), {"x": X[0, 0], "timespan": 1.0}),
        "quantize": (own.quantize, {"x": X}),
        "dequantize": (own.dequantize, {"integers": np.zeros((2, 4, 2), np.int64)}),
        "quantize_state": (own.quantize_state, {"state": own.run(X).final_state}),
        "state_lsb": (own.state_lsb, {"name": own.graph.states[0].name}),
        "shaped": (own.shaped, {"outputs": ANSWERS}),
        "mapped": (own.mapped, {}),
        "cost": (own.cost, {}),
        "save": (own.save, {"path": "none/none.l2n"}),
        "to_c": (own.to_c, {"path": "none/none.c"}),
        "assembly": (own.assembly, {}),
        "assembly_json": (own.assembly_json, {}),
        "library()": (lib, {"x": X}),
        "library run": (lib.run, {"x": X}),
        "library quantize": (lib.quantize, {"x": X}),
        "library dequantize": (lib.dequantize, {"integers": np.zeros((2, 4, 2), np.int64)}),
        "library quantize_state": (lib.quantize_state, {"state": lib.run(X).final_state}),
        "library state_lsb": (lib.state_lsb, {"name": next(iter(lib.processes.states))}),
        "library shaped": (lib.shaped, {"outputs": ANSWERS}),
        "library cost": (lib.cost, {}),
        "library report": (lib.report, {"path": "none/none.html"}),
        "library save": (lib.save, {"path": "none/none.l2n"}),
        "sqnr": (metrics.sqnr, {"exact": [ANSWERS], "approximate": [ANSWERS]}),
        "accuracy": (metrics.accuracy, {"outputs": ANSWERS, "targets": np.zeros((2, 4), int)}),
        "mse": (metrics.mse, {"outputs": ANSWERS, "targets": ANSWERS}),
        "mae": (metrics.mae, {"outputs": ANSWERS, "targets": ANSWERS}),
        "correlation": (metrics.correlation, {"outputs": ANSWERS, "targets": ANSWERS}),
        "repeat": (repeated, {"state": torch.zeros(2), "times": 2}),
        "Recurrent": (ltc2neuro.nn.Recurrent, {"cell": Cell()}),
    }
    if not ONNX_FILES.missing():
        found["from_onnx"] = (ltc2neuro.from_onnx, {"path": "none.onnx", "states": {"h": "h2"}, "output": "y"})
    if not NIR.missing():
        found["from_nir"] = (ltc2neuro.from_nir, {"graph": "none.nir", "dt": 1e-3, "reset": "value"})
        found["to_nir"] = (ltc2neuro.to_nir, {"model": ltc2neuro.nn.LIF(3, 2), "dt": 1e-3, "x": X})
    if not LAVA.missing():
        found["to_lava"] = (own.to_lava, {})
    sizes = {"input_size": 3, "hidden_size": 2, "model": torch.nn.Identity()}
    for name in ltc2neuro.nn.__all__:
        layer = getattr(ltc2neuro.nn, name)
        if name not in ("Recurrent", "repeat", "with_masks"):
            found[f"nn.{name}"] = (layer, {n: v for n, v in sizes.items() if n in inspect.signature(layer).parameters})
    return found


RIGHT = calls()


@pytest.mark.parametrize("name", RIGHT)
def test_a_wrong_argument_is_one_error_of_ours(tmp_path, monkeypatch, name):
    """One wrong argument after the other, all others right."""
    monkeypatch.chdir(tmp_path)
    function, right = RIGHT[name]
    wrong = wrong_arguments(tmp_path)
    found = []
    for parameter in inspect.signature(function).parameters:
        for kind, value in wrong.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    function(**{**right, parameter: value})
            except Ltc2NeuroError as error:
                if not error.what or not (error.where or error.numbers or error.advice):
                    found.append(f"{parameter} = {kind}: says no more than {error.what!r}")
            except Exception as error:
                found.append(f"{parameter} = {kind}: {type(error).__name__}: {str(error)[:90]}")
    assert not found, "\n".join([f"{len(found)} of {len(wrong)} kinds for each parameter of {name}:", *found])


def annotated(kind: str) -> list[tuple[str, str]]:
    """The parameters of a kind: the function, and the parameter."""
    found = []
    for name, (function, _) in RIGHT.items():
        for parameter in inspect.signature(function).parameters.values():
            if str(parameter.annotation).removesuffix(" | None") in kind.split():
                found.append((name, parameter.name))
    return found


def outcome(name: str, parameter: str, value: object) -> str:
    """What comes of a value: nothing, or an error's first line."""
    function, right = RIGHT[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(**{**right, parameter: value})
        except Ltc2NeuroError as error:
            return error.what
    return ""


@pytest.mark.parametrize(("name", "parameter"), annotated("int float"))
def test_a_truth_is_no_number(name, parameter):
    for truth in (True, np.True_):
        assert parameter in outcome(name, parameter, truth)


@pytest.mark.parametrize(("name", "parameter"), annotated("bool"))
def test_a_truth_of_numpy_is_one_and_a_number_is_none(name, parameter):
    for truth in (True, False):
        assert outcome(name, parameter, np.bool_(truth)) == outcome(name, parameter, truth)
    if name != "check a network":  # takes no batch_first of any kind
        assert f"{parameter} must be True" in outcome(name, parameter, 1)


def test_numbers_of_numpy_are_numbers(tmp_path):
    precision = ltc2neuro.Precision(
        word=np.int64(20), margin=np.float32(3), carry=np.False_, overrides={"*": {"word": np.int32(16)}}
    )
    assert precision == ltc2neuro.Precision(word=20, margin=3.0, carry=False, overrides={"*": {"word": 16}})
    small = ltc2neuro.compile(Small(), X, precision=precision, batch_first=np.True_)
    small.save(tmp_path / "small.l2n")
    assert ltc2neuro.load(tmp_path / "small.l2n").precision == precision
    assert ltc2neuro.load_chip("loihi2", chips=np.int64(4)).chips == 4
    assert ltc2neuro.Options(merged=np.False_, ticks_per_sample=np.int64(9)) == ltc2neuro.Options(
        merged=False, ticks_per_sample=9
    )
    form = ltc2neuro.LibraryForm(hinges=np.int64(8), growth=np.int64(3), split_weights=np.True_)
    assert form == ltc2neuro.LibraryForm(hinges=8, growth=3.0)
    layer = ltc2neuro.nn.CTRNN(np.int64(3), np.int64(2))
    assert np.array_equal(ltc2neuro.compile(layer, X)(X).shape, (2, 4, 2))


def test_a_step_is_a_function():
    with pytest.raises(InputError, match="a step is a function"):
        ltc2neuro.nn.repeat(3, torch.zeros(2), 2)


@pytest.mark.parametrize("order", [(X, Small()), (X, X), (Small, X)])
def test_the_wrong_order_is_told(order):
    with pytest.raises(InputError, match=r"a torch.nn.Module is expected") as caught:
        ltc2neuro.compile(*order)
    assert "Give the model first" in caught.value.advice


def test_a_loader_is_gathered_as_the_advice_says():
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(ANSWERS)))
    with pytest.raises(InputError, match="not an array") as caught:
        net()(data)
    code = caught.value.advice.split(": ", 1)[1].split(", where", 1)[0]
    gathered = eval(code, {"torch": torch, "data": data})
    assert torch.equal(gathered, torch.tensor(X))


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda: ltc2neuro.load_chip("lohi2"), "loihi2"),
        (lambda: ltc2neuro.load_chip("Loihi2"), "loihi2"),
        (lambda: ltc2neuro.compile(Small(), X, precision="acurate"), "accurate"),
        (lambda: net().run(X, on="referense"), "reference"),
        (lambda: ltc2neuro.verify(net(), None, X, targets=ANSWERS, metric="mes"), "mse"),
        (lambda: net().to_lava("maped"), "mapped"),
        (lambda: ltc2neuro.nn.CTRNN(3, 2, solver="eular"), "euler"),
    ],
)
def test_a_misspelt_name_suggests_the_nearest(call, meant):
    with pytest.raises(Ltc2NeuroError) as caught:
        call()
    assert f"Did you mean {meant!r}?" in caught.value.advice


def test_every_public_name_is_called():
    """What is not: what only a call returns, and what has no arguments to be wrong."""
    returned = {
        "Attribution",
        "Cost",
        "Evaluation",
        "Finding",
        "LibraryNetwork",
        "Network",
        "Placement",
        "Run",
        "Search",
        "Verification",
    }
    choices = {"Overlap", "Reciprocal", "errors"}
    if NIR.missing():
        choices |= {"from_nir", "to_nir"}
    called = {name.split()[0].split(".")[0].split(",")[0] for name in RIGHT}
    assert set(ltc2neuro.__all__) - returned - choices <= called
