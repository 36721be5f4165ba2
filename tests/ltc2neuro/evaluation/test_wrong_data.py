"""What does not fit is one error, which says where it is."""

from __future__ import annotations

import gc
import warnings

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import sequences, tracked
from torch.utils.data import TensorDataset

import ltc2neuro
from ltc2neuro.errors import InputError

X = sequences(6, 5)
Y = np.zeros((6, 5, 2))
HOLES = np.where(np.arange(6)[:, None, None] == 4, np.nan, X)


def stream(*batches):
    yield from batches


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((X, "mse"), "the metric needs targets"),
        ((X, None, Y), "targets need a metric"),
        ((X, "acuracy", Y), "no metric 'acuracy'"),
        ((X, "mse", Y[:5]), "targets do not fit the samples"),
        ((X, "mse", Y[:, :4]), "targets do not have the outputs' shape"),
        ((X, "accuracy", Y), "targets do not fit the outputs"),
        ((X, ["mse", "mse"], Y), "two metrics are called mse"),
        ((X, 3, Y), "no metric 3"),
        ((X[0],), "x has 2 dimensions"),
        ((X[:0],), "there is nothing to evaluate"),
        ((X[:, :0],), "a sequence has no samples"),
        ((stream(X),  "mse"), "this batch does not tell"),
        ((stream((X, Y), (X, Y[:3])), "mse"), "targets do not fit the samples"),
        ((stream((X, X, Y)), "mse"), r"which they are\n.*\n.*a tuple of 3"),
        ((stream({"x": X}), "mse"), "there is no array 'targets'"),
        ((stream(X), "mse", Y), "samples come in batches, targets do not"),
        (([X, X], "mse", Y), "samples come in batches, targets do not"),
        (([X, X], "mse"), "this batch does not tell"),
        ((list(zip(X, Y, strict=True)),), r"a tuple of single sequences may be several of them.*\n *where: batch 0"),
        ((TensorDataset(*map(torch.from_numpy, (X, Y))), "mse"), r"makes no batches.*\n.*\n.*DataLoader\(data"),
        ((stream(X, X), "mse", stream(Y)), "more batches of samples"),
        ((stream(X, X[..., :2]),), "x has the wrong shape"),
        ((X, "mse", np.where(np.arange(6) == 1, np.nan, Y.T).T), "the target of sequence 1 holds .* not finite"),
        ((X, lambda y, t: 0.0, [0, np.nan, 1, 2, 3, 4]), r"of sequence 1 holds .*\n.*\n.*1 of 1, the first, nan\n"),
        ((HOLES,), "x holds values that are not finite"),
        ((stream("text"),), "x has 0 dimensions"),
        ((X, "mse", Y, 4), "this is not a pool of workers"),
        (("none.npy",), "cannot read the samples"),
    ],
)  # fmt: skip
def test_what_does_not_fit(arguments, told):
    with pytest.raises(InputError, match=told):
        ltc2neuro.evaluate(tracked(), *arguments)


def test_errors_say_where(tmp_path):
    with pytest.raises(InputError, match="where: batch 1"):
        ltc2neuro.evaluate(tracked(), stream(X, HOLES))
    for number, arrays in enumerate(({"x": X, "labels": Y}, {"x": X, "label": Y})):
        np.savez(tmp_path / f"{number}.npz", **arrays)
    with pytest.raises(InputError, match="there is no array 'labels'") as error:
        ltc2neuro.evaluate(tracked(), tmp_path, "mse", "labels")
    assert error.value.where == str(tmp_path / "1.npz") and "x, label" in error.value.numbers
    assert "Did you mean 'label'?" in error.value.advice
    with pytest.raises(InputError, match="Did you mean 'accuracy'"):
        ltc2neuro.evaluate(tracked(), X, "acuracy", Y)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.npz file"):
        ltc2neuro.evaluate(tracked(), tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder for the journal"):
        ltc2neuro.evaluate(tracked(), X, journal=tmp_path / "none" / "run.json")
    whole = (tmp_path / "0.npz").read_bytes()
    (tmp_path / "0.npz").write_bytes(whole[: len(whole) // 2])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(InputError, match=r"not a \.npy or \.npz file"):
            ltc2neuro.evaluate(tracked(), tmp_path)
        gc.collect()
    assert not told  # no file stays open


def test_a_function_that_fails_says_at_which_sequence():
    with pytest.raises(InputError, match="the metric failed: IndexError") as error:
        ltc2neuro.evaluate(tracked(), X, lambda y, t: [][0], Y)
    assert error.value.where.startswith("sequences 0 to 5")


def test_something_else_than_a_network():
    with pytest.raises(InputError, match="evaluate takes a compiled network"):
        ltc2neuro.evaluate(X, X)
