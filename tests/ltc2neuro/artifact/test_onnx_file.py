"""`net.to_onnx`: a file that a stranger's runtime executes to what `net(x)` returns."""

from __future__ import annotations

import json
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

import onnx
import onnxruntime
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from networks import classified, classifier, sequences, tracked, tracker

import ltc2neuro
from compiler.interpreters.float64 import run_float
from hw_models.fixed_point import SEMANTICS_VERSION
from ltc2neuro.cli.main import main
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.errors import ArtifactError, InputError, MissingExtraError
from ltc2neuro.extras import Extra

PAGE = (Path(__file__).parents[3] / "docs" / "onnx.md").read_text("utf-8")
X = sequences(batch=3, time=7, seed=4).astype(np.float64)


def session_of(net: BaseNetwork, folder: Path, **options) -> onnxruntime.InferenceSession:
    net.to_onnx(folder / "m.onnx", **options)
    onnx.checker.check_model(str(folder / "m.onnx"), full_check=True)
    return onnxruntime.InferenceSession(folder / "m.onnx")


def timed(mode: str) -> ltc2neuro.Network:
    torch.manual_seed(0)
    spans = np.random.default_rng(1).uniform(0.2, 1.0, (4, 9))
    return ltc2neuro.compile(CfC(3, 4, mode=mode), sequences(), timespans=spans)


@pytest.mark.parametrize("chip", ["loihi2", "spinnaker2", "ideal"])
def test_y_is_what_the_network_returns(tmp_path, chip):
    net = tracked(chip)
    run, session = net.run(X), session_of(net, tmp_path)
    found = dict(zip((o.name for o in session.get_outputs()), session.run(None, {"x": X}), strict=True))
    assert np.array_equal(found["y"], net(X)) and found["y"].dtype == np.float64
    assert np.array_equal(found["v.all"], run.states["v"])
    assert np.array_equal(found["v.last"], run.final_state["v"])
    assert np.array_equal(session.run(["y"], {"x": X[:1, :2]})[0], net(X[:1, :2]))


def test_counts_of_what_is_clipped(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.LSTM(3, 4, batch_first=True)
    model.bias_hh_l0.data[4:8] = 6.0  # it forgets little: c grows beyond what short sequences showed
    with pytest.warns(UserWarning, match="still grows"):
        net = ltc2neuro.compile(model, sequences())
    x = np.broadcast_to(X[:, :1], (3, 60, 3)).copy()
    x[0, 5:7, 1], x[2, 9, 0] = 1e3, -1e3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        run = net.run(x)
    assert run.saturations["c"] and run.saturations["input"] == 3
    session = session_of(net, tmp_path)
    assert counted(session, {"x": x}) == run.saturations
    assert counted(session_of(net, tmp_path, real=False), {"x": net.quantize(x)})["c"] == run.saturations["c"]
    assert session.run(["input.saturated"], {"x": x})[0].tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 0]]
    step = session_of(net, tmp_path, form="step")
    zeros = {i.name: np.zeros((3, 4), np.int64) for i in step.get_inputs()[1:]}
    assert step.run(["input.saturated"], {"x": x[:, 5], **zeros})[0].tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def counted(session: onnxruntime.InferenceSession, inputs: dict[str, np.ndarray]) -> Counter[str]:
    """How often each value was clipped, by its name in a run."""
    found = dict(zip((o.name for o in session.get_outputs()), session.run(None, inputs), strict=True))
    counts = {name.removesuffix(".saturated"): int(y.sum()) for name, y in found.items() if name.endswith(".saturated")}
    return +Counter(counts)


def test_counts_have_the_names_of_a_run(tmp_path):
    torch.manual_seed(0)
    net = ltc2neuro.compile(CfC(3, 4, mixed_memory=True), sequences())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        run = net.run(4 * X)
    assert len(run.saturations) > 2
    assert counted(session_of(net, tmp_path), {"x": 4 * X}) == run.saturations


def test_tokens_beyond_the_vocabulary_are_an_error_of_the_runtime(tmp_path):
    """Also those below 0, which ONNX's own `Gather` counts from the end of the table."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Linear(3, 2))
    tokens = np.array([[0, 4, 2, 1], [3, 3, 0, 4]])
    net = ltc2neuro.compile(model, tokens)
    for graph in ("integer", "float"):
        session = session_of(net, tmp_path, graph=graph)
        assert np.abs(session.run(["y"], {"x": tokens})[0] - net(tokens)).max() < 1e-3
        for token in (-1, -5, -6, 5):
            with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument, match="out of data bounds"):
                session.run(["y"], {"x": np.array([[0, token]])})


def test_integers(tmp_path):
    session = session_of(tracked(), tmp_path, real=False)
    (y,) = session.run(["y"], {"x": tracked().quantize(X)})
    assert y.dtype == np.int64 and np.array_equal(y, tracked().run(X).integers)


def test_a_step_at_a_time(tmp_path):
    net = tracked()
    session, run = session_of(net, tmp_path, form="step"), net.run(X)
    states = {n: np.tile(row, (3, 1)) for n, row in json.loads(metadata(session)["initial"]).items()}
    for t in range(X.shape[1]):
        y, v = session.run(["y", "v.next"], {"x": X[:, t], **states})
        assert np.array_equal(y, net(X)[:, t]) and np.array_equal(v, run.states["v"][:, t])
        states = {"v": v}


def test_a_model_that_answers_at_the_last_step(tmp_path):
    (y,) = session_of(classified(), tmp_path).run(["y"], {"x": X})
    assert np.array_equal(y, classified()(X)) and y.shape == (3, 4)


def test_time_first(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.LSTM(3, 4)
    calibration = sequences().swapaxes(0, 1)
    net = ltc2neuro.compile(model, calibration, batch_first=False)
    x = X.swapaxes(0, 1)
    session = session_of(net, tmp_path)
    y, states = session.run(["y", "h.all"], {"x": x})
    assert np.array_equal(y, net(x)) and np.array_equal(states, net.run(x).states["h"])
    unsaid = ltc2neuro.compile(model, list(sequences()))
    with pytest.raises(InputError, match="was not said"):
        unsaid.to_onnx(tmp_path / "n.onnx")
    unsaid.to_onnx(tmp_path / "n.onnx", real=False)


def test_time_spans(tmp_path):
    net = timed("default")
    spans = np.random.default_rng(2).uniform(0.01, 5.0, (3, 7))
    session = session_of(net, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = net.run(X, timespans=spans)
    assert np.array_equal(session.run(["y"], {"x": X, "timespans": spans})[0], expected.outputs)
    step = session_of(net, tmp_path, form="step")
    states = {n: np.tile(row, (3, 1)) for n, row in json.loads(metadata(step)["initial"]).items()}
    (y,) = step.run(["y"], {"x": X[:, 0], "timespans": spans[:, 0], **states})
    assert np.array_equal(y, expected.outputs[:, 0])


FLOATS: dict[str, Callable[[], torch.nn.Module]] = {
    "LTC": tracker,
    "the last step": classifier,
    "wired CfC": lambda: CfC(3, AutoNCP(8, 2, seed=1)),
    "mixed memory": lambda: CfC(3, 4, mixed_memory=True),
    "GRU": lambda: torch.nn.GRU(3, 4, batch_first=True),
    "no state": lambda: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Softplus()),
}


@pytest.mark.parametrize("name", FLOATS)
def test_floats_are_near_to_torch(tmp_path, name):
    torch.manual_seed(0)
    model, x = FLOATS[name]().eval(), X.astype(np.float32)
    net = ltc2neuro.compile(model, sequences())
    session = session_of(net, tmp_path, graph="float")
    with torch.no_grad():
        answer = model(torch.from_numpy(x))
    expected = (answer[0] if isinstance(answer, tuple) else answer).numpy()
    (y,) = session.run(["y"], {"x": x})
    assert y.dtype == np.float32 and y.shape == expected.shape and np.abs(y - expected).max() < 1e-5
    step = session_of(net, tmp_path, form="step", graph="float")
    initial = json.loads(metadata(step)["initial"])
    states = {n: np.tile(np.float32(row), (3, 1)) for n, row in initial.items()}
    for t in range(x.shape[1]):
        y, *after = step.run(["y", *(f"{n}.next" for n in states)], {"x": x[:, t], **states})
        states = dict(zip(states, after, strict=True))
    assert np.abs(y - (expected if expected.ndim == 2 else expected[:, -1])).max() < 1e-5


def test_floats_of_a_network_without_microcode(tmp_path):
    net, x = ltc2neuro.compile(tracker(), sequences(), microcode=False), X.astype(np.float32)
    (y,) = session_of(net, tmp_path, graph="float").run(["y"], {"x": x})
    with torch.no_grad():
        assert np.abs(y - tracker()(torch.from_numpy(x))[0].numpy()).max() < 1e-5
    with pytest.raises(
        InputError, match=r"integers needs microcode(.|\n)*or write the model itself with graph='float'"
    ):
        net.to_onnx(tmp_path / "m.onnx")


def test_floats_with_time_spans(tmp_path):
    net, x = timed("pure"), X.astype(np.float32)
    spans = np.random.default_rng(2).uniform(0.3, 1.0, (3, 7)).astype(np.float32)
    (y,) = session_of(net, tmp_path, graph="float").run(["y"], {"x": x, "timespans": spans})
    assert np.abs(y - run_float(net.float_graph, np.concatenate([x, spans[..., None]], 2)).outputs).max() < 1e-5
    with pytest.raises(InputError, match="no integers"):
        net.to_onnx(tmp_path / "m.onnx", graph="float", real=False)


def metadata(session: onnxruntime.InferenceSession) -> dict[str, str]:
    return session.get_modelmeta().custom_metadata_map


def test_the_file_says_what_it_is(tmp_path):
    net = tracked()
    told = metadata(session_of(net, tmp_path))
    assert told["chip"] == "loihi2" and told["semantics"] == str(SEMANTICS_VERSION) and "3 features" in told["model"]
    form = net.graph.state_format("v")
    assert [form.fraction, form.low, form.high] in json.loads(told["formats"]).values()
    assert json.loads(told["host"])["input"]["scale"] == net.graph.input_map.scale.tolist()
    model = onnx.load(tmp_path / "m.onnx")
    scan = next(n for n in model.graph.node if n.op_type == "Scan").attribute[0].g
    loop = next(n for n in scan.node if n.op_type == "Loop").attribute[0].g
    ours = [n for n in (*scan.node, *loop.node) if n.domain == "ltc2neuro"]
    names = [n.name for n in ours]
    assert len(names) == len(set(names)) and {"v_pre", "sigmoid"} <= set(names)
    assert {n.op_type for n in ours} <= {f.name for f in model.functions}
    assert any("ltc_cell.py:" in n.doc_string for n in ours)


@pytest.mark.parametrize(("chip", "most"), [("loihi2", 50_000), ("spinnaker2", 50_000), ("ideal", 150_000)])
def test_an_ltc_of_19_units_is_small_and_soon_made(tmp_path, chip, most):
    """The tables of "ideal" have slopes of 47 bits: 8 bytes for each of 2 x 4,096 segments."""
    torch.manual_seed(0)
    net = ltc2neuro.compile(LTC(2, AutoNCP(19, 1, seed=1)), sequences(features=2), chip=chip)
    taken = []
    for _ in range(3):
        begin = time.process_time()
        net.to_onnx(tmp_path / "m.onnx")
        taken.append(time.process_time() - begin)
    assert (tmp_path / "m.onnx").stat().st_size < most and min(taken) < 0.1


def test_the_shell_writes_one(tmp_path, capsys):
    tracked().save(tmp_path / "m.l2n")
    command = ["export", str(tmp_path / "m.l2n"), str(tmp_path / "m.onnx")]
    assert main([*command, "--step", "--integers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == (tmp_path / "m.onnx").stat().st_size
    tracked().to_onnx(tmp_path / "n.onnx", "step", real=False)
    assert (tmp_path / "m.onnx").read_bytes() == (tmp_path / "n.onnx").read_bytes()
    assert main([*command[:2], str(tmp_path / "nowhere" / "m.onnx")]) == 2


def test_what_cannot_be_written_is_one_error(tmp_path, monkeypatch):
    net = tracked()
    with pytest.raises(InputError, match="form"):
        net.to_onnx(tmp_path / "m.onnx", form="sequences")
    with pytest.raises(InputError, match="real"):
        net.to_onnx(tmp_path / "m.onnx", real="yes")
    with pytest.raises(ArtifactError, match="cannot write the network"):
        net.to_onnx(tmp_path / "nowhere" / "m.onnx")
    with pytest.raises(InputError, match="library processes"):
        ltc2neuro.compile(tracker(), sequences(), microcode=False).to_onnx(tmp_path / "m.onnx")
    monkeypatch.setattr("ltc2neuro.artifact.onnx_file.ONNX_FILES", Extra("onnx", ("no_such_module",), "tests"))
    with pytest.raises(MissingExtraError, match="no_such_module is not installed") as caught:
        net.to_onnx(tmp_path / "m.onnx")
    assert "ltc2neuro[onnx]" in caught.value.advice and not (tmp_path / "m.onnx").exists()


def test_what_the_page_shows_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, names)
