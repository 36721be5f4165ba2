"""`net(x)` is `model(x)`, whichever of batch and time the model has first: arrays lie as it was said, in and out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import LTC, CfC
from networks import FEATURES, sequences, tracker

import ltc2neuro
from ltc2neuro.cli.main import main
from ltc2neuro.errors import InputError, TraceError
from ltc2neuro.nn import Recurrent

STEPS, ROWS = 12, 5
X = sequences(batch=STEPS, time=ROWS)
"""(time, batch, features)"""


class Reader(torch.nn.Module):
    """torch's own recurrent layer as torch makes it, time first, and a readout."""

    def __init__(self, kind: type[torch.nn.RNNBase] = torch.nn.LSTM, **options: bool) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.layer, self.head = kind(FEATURES, 6, **options), torch.nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0])


class Turned(Reader):
    """Reads as its layer does and answers the other way round."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).transpose(0, 1)


class Last(Reader):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[-1]


def torchs(model: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.from_numpy(x)).numpy()


def near(expected: np.ndarray, got: np.ndarray) -> None:
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN])
def test_a_forgotten_batch_first_is_asked_about(kind):
    for call in (ltc2neuro.compile, lambda m, x: ltc2neuro.check(m, None, x)):
        with pytest.raises(InputError, match="reads time first, and it was not said") as caught:
            call(Reader(kind), X)
        assert f"'layer', nn.{kind.__name__} with batch_first=False, torch's default" in caught.value.where
        assert "return self.head(self.layer(x)[0])" in caught.value.where
        assert "time first, 5 sequences of 12 steps; batch first, 12 of 5" in caught.value.numbers
        assert "batch_first=False" in caught.value.advice and "batch_first=True" in caught.value.advice


def test_ncps_that_was_built_time_first_is_asked_about():
    with pytest.raises(InputError) as caught:
        ltc2neuro.compile(LTC(FEATURES, 4, batch_first=False), X)
    assert caught.value.where == "module LTC with batch_first=False"


def test_a_layer_that_is_transposed_for_is_named():
    class Transposing(Reader):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.transpose(0, 1)).transpose(0, 1)

    with pytest.raises(InputError, match="it was not said") as caught:
        ltc2neuro.compile(Transposing(batch_first=True), X)
    assert "nn.LSTM with batch_first=True" in caught.value.where
    net = ltc2neuro.compile(Transposing(), X.swapaxes(0, 1))  # reads batch first, whatever its layer does
    assert net.layout.time_first is False


class Ending(torch.nn.Module):
    """Memory in no layer, and the answer to the last step."""

    def __init__(self, end: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.head, self.end = torch.nn.Linear(FEATURES, 2), end

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.end(torch.tanh(x)))


@pytest.mark.parametrize("end", [lambda y: y[-1], lambda y: y.select(0, -1), lambda y: y[len(y) - 1 :].squeeze(0)])
def test_the_last_step_alone_tells_the_order(end):
    model = Ending(end)
    with pytest.raises(InputError, match="reads time first, and it was not said") as caught:
        ltc2neuro.compile(model, X)
    assert "test_axis_order.py, line" in caught.value.where
    assert "y[:, -1]" in caught.value.advice and "batch_first=False" in caught.value.advice
    near(torchs(model, X), ltc2neuro.compile(model, X, batch_first=False)(X))
    near(torchs(model, X), ltc2neuro.compile(model, X.swapaxes(0, 1), batch_first=True)(X.swapaxes(0, 1)))
    with pytest.raises(InputError, match="this one reads batch first"):
        ltc2neuro.compile(Ending(lambda y: y[:, -1]), X, batch_first=False)


@pytest.mark.parametrize("batch_first", [None, True, False])
@pytest.mark.parametrize(("built", "end"), [(False, lambda y: y[:, -1]), (True, lambda y: y[-1])])
def test_a_layer_and_a_line_that_disagree(built, end, batch_first):
    class Mixed(Reader):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return end(super().forward(x))

    with pytest.raises(TraceError, match="single rows out of the batch") as caught:
        ltc2neuro.compile(Mixed(torch.nn.RNN, batch_first=built), X, batch_first=batch_first)
    for told in ("y[-1] where time comes first", "nn.GRU(..., batch_first=True)"):
        assert told in caught.value.advice


def test_as_the_model_takes_them():
    model = Reader()
    net = ltc2neuro.compile(model, X, batch_first=False)
    near(torchs(model, X), net(X))
    turned = ltc2neuro.compile(model, X.swapaxes(0, 1), batch_first=True)
    near(torchs(model, X).swapaxes(0, 1), turned(X.swapaxes(0, 1)))
    for on in ("reference", "floating"):
        run, other = (n.run(x, on, record=["layer.h"]) for n, x in ((net, X), (turned, X.swapaxes(0, 1))))
        assert run.outputs.shape == (STEPS, ROWS, 2) and run.states["layer.c"].shape == (STEPS, ROWS, 6)
        assert np.array_equal(run.outputs, other.outputs.swapaxes(0, 1))
        assert np.array_equal(run.states["layer.c"], other.states["layer.c"].swapaxes(0, 1))
        assert np.array_equal(run.record["layer.h"], other.record["layer.h"].swapaxes(0, 1))
        assert np.array_equal(run.final_state["layer.c"], other.final_state["layer.c"])
    run = net.run(X)
    listed = net.run(list(X.swapaxes(0, 1)))
    assert np.array_equal(np.stack(listed.integers, 1), run.integers)
    begun = net.run(X[:5])
    assert np.array_equal(net.run(X[5:], state=begun.final_state).integers, run.integers[5:])
    stream = net.stream(batch=ROWS)
    assert np.array_equal(np.stack([stream.step(x) for x in X]), run.outputs)
    assert str(net.cost(run)) == str(turned.cost(turned.run(X.swapaxes(0, 1))))
    assert "arrays (time, batch, features)" in str(net).splitlines()[0]
    assert "arrays (batch, time, features)" in str(turned).splitlines()[0]
    with pytest.raises(InputError, match=r"expected \(time, batch, 3\)"):
        net(X[0])


def test_one_way_in_and_another_way_out():
    x = X.swapaxes(0, 1)
    model = Turned(batch_first=True)
    net = ltc2neuro.compile(model, x)  # it reads batch first: nothing to ask, and it answers time first
    near(torchs(model, x), net(x))
    assert net.run(x).states["layer.h"].shape == (ROWS, STEPS, 6)
    near(torchs(model, x).swapaxes(0, 1), ltc2neuro.compile(model, x, batch_first=True)(x))
    model = Turned()
    net = ltc2neuro.compile(model, X, batch_first=False)
    near(torchs(model, X), net(X))
    assert "arrays (time, batch, features), answers (batch, time, ...)" in str(net)


def test_the_last_answer_has_no_time():
    model = Last()
    net = ltc2neuro.compile(model, X, batch_first=False)
    near(torchs(model, X), net(X))
    assert net(X).shape == (ROWS, 2) and net.run(X).outputs.shape == (STEPS, ROWS, 2)
    targets = np.random.default_rng(1).integers(2, size=ROWS)
    assert ltc2neuro.verify(net, model, X, targets, "accuracy", on=()).passed


def test_lists_ask_nothing_until_an_array_comes(tmp_path):
    model, x = Reader(), list(X.swapaxes(0, 1))
    net = ltc2neuro.compile(model, [x[0], x[1][:7], *x[2:]])
    near(torchs(model, X).swapaxes(0, 1), np.stack(net(x)))
    assert ltc2neuro.verify(net, model, x, on=()).passed
    net.save(tmp_path / "m.l2n")
    for asked in (net, ltc2neuro.load(tmp_path / "m.l2n")):
        for ask in (asked, asked.run, lambda x, net=asked: ltc2neuro.verify(net, model, x)):
            with pytest.raises(InputError, match="not told whether its arrays do"):
                ask(X)
    assert "lists of sequences only" in str(net)


def test_a_model_that_reads_batch_first_refuses_time_first():
    with pytest.raises(InputError, match="this one reads batch first") as caught:
        ltc2neuro.compile(tracker(), X, batch_first=False)
    assert "(batch, time, features)" in caught.value.advice
    with pytest.raises(InputError, match="True, False or None"):
        ltc2neuro.compile(tracker(), X, batch_first=1)  # type: ignore[arg-type]


def test_a_model_without_memory_takes_either():
    model = torch.nn.Sequential(torch.nn.Linear(FEATURES, 4), torch.nn.Tanh())
    for batch_first in (None, False):
        near(torchs(model, X), ltc2neuro.compile(model, X, batch_first=batch_first)(X))


def test_verify_takes_targets_as_the_model_answers():
    model = Reader()
    net = ltc2neuro.compile(model, X, batch_first=False)
    seen = []

    def shapes(outputs: np.ndarray, targets: np.ndarray) -> float:
        seen.append((outputs.shape, targets.shape))
        return float(np.mean((outputs - targets) ** 2))

    y = torchs(model, X)
    for metric in ("mse", shapes):
        verification = ltc2neuro.verify(net, model, X, y, metric, on=(), max_metric_change=1e-3)
        before = next(row for row in verification.rows if row.check == "task metric")
        assert before.value is not None and before.value < 1e-10
    assert set(seen) == {((STEPS, ROWS, 2), (STEPS, ROWS, 2))}
    with pytest.raises(InputError, match="targets do not fit"):
        ltc2neuro.verify(net, model, X, y.swapaxes(0, 1), "mse", on=())


class Timed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.layer = CfC(FEATURES, 4, batch_first=False, backbone_units=6)

    def forward(self, x: torch.Tensor, timespans: torch.Tensor | None = None) -> torch.Tensor:
        return self.layer(x, timespans=timespans)[0]


def test_time_spans_lie_as_the_samples():
    model, spans = Timed(), np.random.default_rng(2).uniform(0.5, 2, (STEPS, ROWS)).astype(np.float32)
    net = ltc2neuro.compile(model, X, timespans=spans, batch_first=False)
    with torch.no_grad():  # ncps mixes up the time spans of a batch: row by row
        rows = [model(torch.from_numpy(X[:, [r]]), torch.from_numpy(spans[:, [r]])) for r in range(ROWS)]
    near(torch.cat(rows, 1).numpy(), net(X, timespans=spans))
    assert ltc2neuro.verify(net, model, X, timespans=spans, on=()).passed
    with pytest.raises(InputError, match="timespans do not fit") as caught:
        net(X, timespans=spans.T)
    assert "(time, batch)" in caught.value.advice


def test_networks_without_microcode(tmp_path):
    model = Recurrent(torch.nn.GRUCell(FEATURES, 4), batch_first=False)
    with pytest.raises(InputError, match="it was not said"):
        ltc2neuro.compile(model, X, microcode=False)
    library = ltc2neuro.compile(model, X, microcode=False, batch_first=False)
    with torch.no_grad():
        expected = model(torch.from_numpy(X))[0].numpy()
    near(expected, np.asarray(library(X)))
    library.save(tmp_path / "m.l2n")
    assert np.array_equal(ltc2neuro.load(tmp_path / "m.l2n")(X), library(X))
    net = ltc2neuro.compile(model, X, batch_first=False)
    compared = ltc2neuro.compare(net, library, X, expected, "mse")
    assert compared.metric_float is not None and compared.metric_float < 1e-10
    with pytest.raises(InputError, match="not of the same model"):
        ltc2neuro.compare(ltc2neuro.compile(model, X, batch_first=True), library, X)


def test_files_remember_and_older_ones_are_batch_first(tmp_path):
    net = ltc2neuro.compile(Reader(), X, batch_first=False)
    net.save(tmp_path / "m.l2n")
    assert np.array_equal(ltc2neuro.load(tmp_path / "m.l2n")(X), net(X))
    with zipfile.ZipFile(tmp_path / "m.l2n") as new, zipfile.ZipFile(tmp_path / "old.l2n", "w") as old:
        manifest = json.loads(new.read("manifest.json"))
        manifest["format"] = 2
        del manifest["header"]["layout"]
        old.writestr("manifest.json", json.dumps(manifest))
        for name in sorted({*new.namelist()} - {"manifest.json"}):
            old.writestr(name, new.read(name))
    assert np.array_equal(ltc2neuro.load(tmp_path / "old.l2n")(X.swapaxes(0, 1)), net(X).swapaxes(0, 1))


SCRIPT = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.GRU(3, 4)
"""


def test_the_shell(tmp_path, capsys):
    (tmp_path / "train.py").write_text(SCRIPT)
    x = sequences(batch=6, time=70, seed=3)  # more sequences than one part of a run
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "turned.npy", x.swapaxes(0, 1))
    factory, calibration = f"{tmp_path}/train.py:build", ["--calibration", f"{tmp_path}/x.npy"]
    path = f"{tmp_path}/m.l2n"
    assert main(["compile", factory, *calibration, "-o", path]) == 2
    assert "--batch-first: they are (batch, time, features)" in capsys.readouterr().err
    assert main(["check", factory, *calibration]) == 2
    assert main(["check", factory, *calibration, "--time-first"]) == 0
    assert main(["compile", factory, *calibration, "--time-first", "-o", path]) == 0
    expected = ltc2neuro.load(path)(x)
    assert main(["run", path, f"{tmp_path}/x.npy", "-o", f"{tmp_path}/y.npy"]) == 0
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected)
    turned = [path, f"{tmp_path}/turned.npy", "--batch-first"]
    assert main(["run", *turned, "-o", f"{tmp_path}/y.npy"]) == 0
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected.swapaxes(0, 1))
    limits = ["--metric", "mse", "--on", "reference", "--max-metric-change", "1e-9"]
    assert main(["verify", *turned, "--targets", f"{tmp_path}/y.npy", *limits]) == 1  # mse 0 becomes something
    assert main(["cost", path, "--data", f"{tmp_path}/x.npy"]) == 0
    one = capsys.readouterr().out
    assert main(["cost", path, "--data", f"{tmp_path}/turned.npy", "--batch-first"]) == 0
    assert capsys.readouterr().out in one
    assert main(["check", path, "--time-first"]) == 2
    assert "--time-first is for a model" in capsys.readouterr().err


class Held(Reader):
    """Joins what is held over a sequence with its steps, which torch can do in one order only."""

    def forward(self, x: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
        return super().forward(x * held[None].expand(len(x), -1, -1))


def test_what_is_held_over_a_sequence_tells_the_order():
    model, held = Held(), np.random.default_rng(0).normal(size=(ROWS, FEATURES)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(X), torch.from_numpy(held)).numpy()
    turned = {"x": np.ascontiguousarray(X.swapaxes(0, 1)), "held": held}
    near(
        expected,
        np.asarray(ltc2neuro.compile(model, {"x": X, "held": held}, batch_first=False)({"x": X, "held": held})),
    )
    near(expected.swapaxes(0, 1), np.asarray(ltc2neuro.compile(model, turned, batch_first=True)(turned)))
    with pytest.raises(InputError, match=r"With the batch first it fails: inputs x \(3,\)"):
        ltc2neuro.compile(model, turned)
