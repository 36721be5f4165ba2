"""`evaluate` finds what `verify` finds, and the same however the data come."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import classified, sequences, tracked

import ltc2neuro
from ltc2neuro import metrics
from ltc2neuro.errors import InputError
from ltc2neuro.evaluation import chunks

X = 1.2 * sequences(21, 9)
RNG = np.random.default_rng(5)
Y = RNG.normal(size=(21, 9, 2))
CLASSES = RNG.integers(0, 4, 21)
NAMES = ["mse", "mae", "correlation"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """As many as a large data set has."""
    monkeypatch.setattr(chunks, "SEQUENCES", 4)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "values were clipped")
        yield


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return tracked()


def evaluate(*given, **more) -> ltc2neuro.Evaluation:
    return ltc2neuro.evaluate(*given, **more)


def test_it_finds_what_verify_finds(net):
    found = evaluate(net, X, NAMES, Y)
    assert (found.sequences, found.samples) == (21, 189)
    for name in NAMES:
        rows = ltc2neuro.verify(net, None, X, targets=Y, metric=name, on=["reference"]).rows
        own = [r.value for r in rows if r.check == "task metric"][:2]
        assert [found.metrics[name].float, found.metrics[name].integer] == pytest.approx(own, rel=1e-9)
    wanted = {r.name: r.value for r in rows if r.check.startswith("integers against float")}
    assert {name: fidelity.worst for name, fidelity in found.sqnr.items()} == pytest.approx(wanted, rel=1e-9)
    run = net.run(X)
    assert found.saturations == run.saturations and found.saturations
    assert found.clipped.rows() == run.clipped.rows() and found.clipped.rows()


def test_classes_of_sequences():
    net = classified()
    found = evaluate(net, X, "accuracy", CLASSES)
    assert found.metrics["accuracy"].integer == np.mean(np.argmax(net(X), -1) == CLASSES)
    assert "accuracy" in str(found) and found.plain()["metrics"]["accuracy"]["float"] is not None


def batches_of(size, *arrays):
    for first in range(0, len(arrays[0]), size):
        yield tuple(a[first : first + size] for a in arrays)


def test_batches_of_any_size_give_the_same(net):
    whole = evaluate(net, X, NAMES, Y)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*map(torch.from_numpy, (X, Y))), batch_size=5)
    for data in (batches_of(1, X, Y), batches_of(13, X, Y), loader, ({"x": x, "targets": y} for x, y in loader)):
        assert evaluate(net, data, NAMES) == whole
    assert evaluate(net, list(X), NAMES, list(Y)) == evaluate(net, [*torch.from_numpy(X)], NAMES, Y) == whole
    assert evaluate(net, (x for (x,) in batches_of(8, X)), NAMES, (y for (y,) in batches_of(8, Y))) == whole
    lists = [list(one) for one in zip(*batches_of(8, X, Y), strict=True)]
    assert evaluate(net, lists[0], NAMES, lists[1]) == evaluate(net, list(loader), NAMES) == whole
    other = evaluate(net, X[:20], NAMES, Y[:20])
    assert other != whole and other.metrics["mse"] != whole.metrics["mse"]


def test_batches_may_be_alone_in_a_tuple_or_list(net):
    """As a loader of a data set without targets makes them."""
    whole = evaluate(net, X)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(X)), batch_size=5)
    assert isinstance(next(iter(loader)), list)
    assert evaluate(net, loader) == evaluate(net, list(loader)) == evaluate(net, batches_of(7, X)) == whole
    assert evaluate(net, ([x] for x in X)) == whole  # a list of one sequence


def test_memory_that_is_used_again_is_no_harm(net):
    def again():
        memory = np.empty((3, *X.shape[1:])), np.empty((3, *Y.shape[1:]))
        for own in batches_of(3, X, Y):
            for held, array in zip(memory, own, strict=True):
                held[:] = array
            yield memory

    assert evaluate(net, again(), NAMES) == evaluate(net, X, NAMES, Y)


def test_files_and_folders_give_the_same(net, tmp_path):
    whole = evaluate(net, X, NAMES, Y)
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    assert evaluate(net, tmp_path / "x.npy", NAMES, str(tmp_path / "y.npy")) == whole
    np.savez(tmp_path / "one.npz", x=X, y=Y)
    assert evaluate(net, tmp_path / "one.npz", NAMES, "y") == whole
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, (x, y) in enumerate(batches_of(6, X, Y)):
        np.savez(folder / f"{number}.npz", x=x, targets=y)
    assert evaluate(net, folder, NAMES) == whole
    for number, (x, y) in enumerate(zip(X, Y, strict=True)):
        np.savez(
            folder / (f"{number // 6}.npz" if number % 6 == 0 else f"{number // 6}.npz-{number % 6}.npz"),
            x=x,
            targets=y,
        )
    assert evaluate(net, str(folder), NAMES) == whole


def test_what_is_sliced_as_an_array_is_read_in_slices(net, tmp_path):
    h5py = pytest.importorskip("h5py", reason="needs the extra keras")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        x, y = file.create_dataset("x", data=X), file.create_dataset("y", data=Y)
        assert evaluate(net, x, NAMES, y) == evaluate(net, X, NAMES, Y)


def test_lengths_that_differ(net):
    x, y = [a[: 3 + n % 5] for n, a in enumerate(X)], [a[: 3 + n % 5] for n, a in enumerate(Y)]
    found = evaluate(net, x, "mse", y)
    errors = [(net([a])[0] - b) ** 2 for a, b in zip(x, y, strict=True)]
    assert found.metrics["mse"].integer == pytest.approx(np.mean(np.concatenate(errors)), rel=1e-12)
    assert evaluate(net, ((x[n : n + 2], y[n : n + 2]) for n in range(0, 21, 2)), "mse") == found


def test_a_function_is_called_with_each_sequence(net):
    shapes = set()

    def largest(outputs, targets):
        shapes.add((outputs.shape, targets.shape))
        return np.max(np.abs(outputs - targets))

    found = evaluate(net, X, [largest, metrics.mae], Y)
    assert shapes == {((1, 9, 2), (1, 9, 2))}
    assert found.metrics["largest"].integer == pytest.approx(np.mean(np.abs(net(X) - Y).max(axis=(1, 2))), rel=1e-12)
    assert found.metrics["mae"] == pytest.approx(evaluate(net, X, "mae", Y).metrics["mae"])


@pytest.mark.parametrize("time_first", [False, True])
def test_one_label_a_sequence_is_for_functions(net, time_first):
    """Named metrics ask for one at every step."""

    def at_the_end(outputs, labels):
        last = outputs[-1] if time_first else outputs[:, -1]
        return np.mean(np.argmax(last, -1) == labels)

    x, labels = X.swapaxes(0, 1) if time_first else X, CLASSES % 2
    net = replace(net, layout=net.layout.told(time_first=time_first))
    wanted = np.mean(np.argmax(net(x)[-1] if time_first else net(x)[:, -1], -1) == labels)
    assert evaluate(net, x, at_the_end, labels).metrics["at_the_end"].integer == wanted
    with pytest.raises(InputError, match="targets do not fit the outputs"):
        evaluate(net, x, "accuracy", labels)


def test_what_is_clipped_inside_is_that_of_one_run(tmp_path):
    """Elements of a state that leave its range in some sequences: counts and extremes of all."""

    class Sum(torch.nn.Module):
        state_size = 3

        def forward(self, x, h):
            return h + x

    x = np.random.default_rng(0).uniform(-1, 1, (21, 30, 3))
    net = ltc2neuro.compile(ltc2neuro.nn.Recurrent(Sum()), x[:2])
    run, found = net.run(3 * x), evaluate(net, 3 * x, journal=tmp_path / "run.json")
    assert found.clipped.rows() == run.clipped.rows() and any("state" in name for name, *_ in run.clipped.rows())
    assert found.clipped.text() == run.clipped.text() and found.saturations == run.saturations
    again = evaluate(net, 3 * x, journal=tmp_path / "run.json")
    assert again == found and again.resumed == 21


def test_without_the_float_network(net):
    found = evaluate(net, X, "mse", Y, against_float=False)
    assert not found.sqnr and found.metrics["mse"].float is None
    assert found.metrics["mse"].integer == evaluate(net, X, "mse", Y).metrics["mse"].integer


def test_messages_are_those_of_one_run(net):
    pytest.importorskip("scipy", reason="needs the extra simulator")
    found = evaluate(net, X, activity=True)
    assert str(net.cost(found.activity)) == str(net.cost(net.run(X)))
    with pytest.raises(InputError, match="another network's"):
        classified().cost(found.activity)


def test_every_executor_of_integers_gives_the_same(net):
    whole = evaluate(net, X, NAMES, Y)
    for name in (e.name for e in net.parts.compared if not e.missing(net.chip) and not e.name.startswith("lava")):
        assert evaluate(net, X, NAMES, Y, on=name) == whole, name
    with pytest.raises(InputError, match="computes no integers"):
        evaluate(net, X, on="floating")


def test_what_is_clipped_is_told_once(net):
    with pytest.warns(UserWarning, match="values were clipped") as told:
        evaluate(net, 3 * X)
    assert len(told) == 1 and told[0].filename == __file__
