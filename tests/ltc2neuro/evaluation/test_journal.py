"""What was broken off goes on, and the result is that of a whole run; other work is not taken for it."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import classified, sequences, tracked

import ltc2neuro
from ltc2neuro.errors import ArtifactError, InputError
from ltc2neuro.evaluation import chunks, journal

X = sequences(22, 5)
Y = np.random.default_rng(1).normal(size=(22, 5, 2))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "SEQUENCES", 4)


def until(number):
    """Batches, until something breaks."""
    for first in range(0, 22, 2):
        if first >= number:
            raise KeyboardInterrupt
        yield X[first : first + 2], Y[first : first + 2]


def test_a_run_goes_on_where_it_was_broken_off(tmp_path, monkeypatch):
    path, net = tmp_path / "run.json", tracked()
    whole = ltc2neuro.evaluate(net, X, ["mse", "correlation"], Y)
    for stop, done in ((2, None), (10, 8), (15, 12)):
        with pytest.raises(KeyboardInterrupt):
            ltc2neuro.evaluate(net, until(stop), ["mse", "correlation"], journal=path)
        found = json.loads(path.read_text())["totals"]["sequences"] if path.exists() else None
        assert found == done
    monkeypatch.setattr(chunks, "SEQUENCES", 4)
    found = ltc2neuro.evaluate(net, until(22), ["mse", "correlation"], journal=path)
    assert found == whole and found.resumed == 12 and "12 of them from the journal" in str(found)
    computed: list[int] = []
    monkeypatch.setattr("ltc2neuro.evaluation.evaluating.measured", lambda *given: computed.append(1))
    assert ltc2neuro.evaluate(net, until(22), ["mse", "correlation"], journal=path) == whole and not computed
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_journal_of_something_else_is_an_error(tmp_path):
    path, net = tmp_path / "run.json", tracked()
    ltc2neuro.evaluate(net, X, "mse", Y, journal=path)
    kept = path.read_bytes()
    changed = X.copy()
    changed[13, 2, 0] += 1e-3
    for told, arguments, more in (
        ("of another network", (classified(), X, None), {}),
        ("of another metric", (net, X, "mae", Y), {}),
        ("of another on", (net, X, "mse", Y), {"on": "reference"}),
        ("of other data", (net, changed, "mse", Y), {}),
        ("of other data", (net, X, "mse", Y + 1), {}),
        ("goes on beyond these data", (net, X[:12], "mse", Y[:12]), {}),
        ("of other data", (net, np.concatenate([X, X]), "mse", np.concatenate([Y, Y])), {}),
    ):
        with pytest.raises(InputError, match=told) as error:
            ltc2neuro.evaluate(*arguments, journal=path, **more)
        assert str(path) in error.value.where and error.value.numbers
        assert path.read_bytes() == kept
    with pytest.raises(InputError, match="sequences 12 to 15 or their targets"):
        ltc2neuro.evaluate(net, changed, "mse", Y, journal=path)


class Scaled:
    """A metric that is an object."""

    def __init__(self, by):
        self.by = by

    def __call__(self, y, t):
        return self.by * np.mean(np.abs(y - t))


def scaled(y, t, by=1):
    return Scaled(by)(y, t)


def closure(by):
    return lambda y, t: scaled(y, t, by)


def hits(by):
    return lambda y, t: by * np.sum(t == 99)


BY = 1


def by_global(y, t):
    return BY * np.mean(np.abs(y - t))


def test_the_same_values_of_another_type_are_the_same_data(tmp_path):
    net, labels = classified(), np.arange(22) % 4
    for targets in (labels, labels.astype(np.int8), labels.astype(float), torch.from_numpy(labels), list(labels)):
        found = ltc2neuro.evaluate(net, X, "accuracy", targets, journal=tmp_path / "run.json")
    assert found.resumed == 22
    with pytest.raises(InputError, match="of other data"):
        ltc2neuro.evaluate(net, X, "accuracy", labels[::-1], journal=tmp_path / "run.json")


def test_functions_are_told_apart_by_what_they_say(tmp_path, monkeypatch):
    """Text alone is not enough: what is in a closure, an object or global is no part of it."""
    net = tracked()

    def go_on(metric, name):
        return ltc2neuro.evaluate(net, X, metric, Y, journal=tmp_path / name, against_float=False)

    for name, make in (("closure", closure), ("object", Scaled), ("partial", lambda by: partial(scaled, by=by))):
        found = go_on(make(1), name)
        assert go_on(make(1), name) == found
        with pytest.raises(InputError, match="of another metric"):
            go_on(make(2), name)
    for name, metric in (("global", by_global), ("defaults", scaled), ("alike", lambda y, t: 3.0)):
        go_on(metric, name)
    monkeypatch.setitem(globals(), "BY", 2)
    monkeypatch.setattr(scaled, "__defaults__", (2,))
    for name, metric in (("global", by_global), ("defaults", scaled), ("alike", lambda y, t: 1.0 + 2.0)):
        with pytest.raises(InputError, match="of another metric"):
            go_on(metric, name)

    late = np.where(np.arange(22) == 9, 99, 0)  # of a class that comes late
    ltc2neuro.evaluate(net, X, hits(1), late, journal=tmp_path / "late")
    with pytest.raises(InputError, match=r"another metric <lambda>\n.*\n.*of sequences 8 to 11"):
        ltc2neuro.evaluate(net, X, hits(2), late, journal=tmp_path / "late")

    def mse(y, t):
        return np.mean((y - t) ** 2)

    go_on(mse, "mse")
    with pytest.raises(InputError, match=r"another metric\n.*\n.*the function mse, now mse"):
        go_on("mse", "mse")


class Straggler(Executor):
    """Only the second chunk comes back, then all is interrupted."""

    _max_workers = 1
    done = False

    def submit(self, fn, /, parcel, chunk, asked):
        if self.done:
            raise KeyboardInterrupt
        future = Future()
        if chunk.number == 1:
            found = fn(parcel, chunk, asked)
            future.set_result(found)
            self.done = found is not None  # None: the network itself is to be sent
        return future


def test_another_function_counts_nothing_before_it_is_found_out(tmp_path):
    path, net = tmp_path / "run.json", tracked()
    with pytest.raises(KeyboardInterrupt):
        ltc2neuro.evaluate(net, X, closure(1), Y, Straggler(), journal=path)
    kept = path.read_bytes()
    assert [digest is None for digest in json.loads(kept)["chunks"]] == [True, False]
    with pytest.raises(InputError, match="of another metric"):
        ltc2neuro.evaluate(net, X, closure(2), Y, journal=path)
    assert path.read_bytes() == kept
    found = ltc2neuro.evaluate(net, X, closure(1), Y, journal=path)
    assert found == ltc2neuro.evaluate(net, X, closure(1), Y) and found.resumed == 4


def test_a_journal_that_was_changed_is_an_error(tmp_path):
    path = tmp_path / "run.json"
    found = ltc2neuro.evaluate(tracked(), X, "mse", Y, journal=path)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept, indent=4))
    assert ltc2neuro.evaluate(tracked(), X, "mse", Y, journal=path) == found
    changes = [{"of": [1]}, {"of": None}, {"chunks": []}, {"chunks": [None] * 6}, {"more": 1}]
    changes.append({"totals": {**kept["totals"], "sequences": -5}})
    for change in changes:
        path.write_text(json.dumps({**kept, **change}))
        with pytest.raises(InputError, match=r"this is not the journal .*\n.*\n.*its checksum is another"):
            ltc2neuro.evaluate(tracked(), X, "mse", Y, journal=path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"evaluation": 1}', '{"evaluation": 2}'])
def test_what_is_no_journal_stays_as_it_is(text, tmp_path):
    path = tmp_path / "notes.json"
    path.write_text(text)
    with pytest.raises(InputError, match="this is not the journal"):
        ltc2neuro.evaluate(tracked(), X, journal=path)
    assert path.read_text() == text


def test_a_journal_is_whole_at_any_time(tmp_path, monkeypatch):
    """Where it cannot be written, what was there stays."""
    path = tmp_path / "run.json"
    monkeypatch.setattr(journal, "PAUSE", 0.0)
    monkeypatch.setattr(journal, "SHARE", 1e9)
    with pytest.raises(KeyboardInterrupt):
        ltc2neuro.evaluate(tracked(), until(10), "mse", journal=path)
    kept = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal.os, "fsync", full)
    with pytest.raises(ArtifactError, match="cannot write the journal: No space left"):
        ltc2neuro.evaluate(tracked(), until(22), "mse", journal=path)
    assert path.read_bytes() == kept and len([*tmp_path.iterdir()]) == 1
