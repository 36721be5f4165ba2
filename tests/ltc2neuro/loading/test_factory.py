"""A model named on the command line."""

from __future__ import annotations

import sys

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from hw_models.errors import InputError, WeightsError  # noqa: E402
from ltc2neuro.loading.factory import build_model  # noqa: E402

SCRIPT = """
import torch
from beside import SIZE

model = torch.nn.Linear(SIZE, 1)
number = 3

def build(units=2, bias=True):
    return torch.nn.Linear(SIZE, units, bias=bias)

def breaks():
    raise RuntimeError("no data")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "beside.py").write_text("SIZE = 5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("beside", "train", "model_factory_train"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("place", ["train.py", "./train.py", "train"])
def test_file_and_module(folder, place):
    model = build_model(f"{place}:build", ["units=7", "bias=False"])
    assert isinstance(model, torch.nn.Linear)
    assert (model.in_features, model.out_features, model.bias) == (5, 7, None)


def test_a_module_instead_of_a_factory(folder):
    assert isinstance(build_model("train.py:model"), torch.nn.Linear)
    with pytest.raises(InputError, match="cannot be called with arguments"):
        build_model("train.py:model", ["units=3"])


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        ("train.py", [], "names no model"),
        ("model.bin", [], "holds weights, which do not define the model"),
        ("weights.pt", [], "holds weights, which do not define the model"),
        ("none.py:build", [], "no such Python file"),
        ("train.py:bild", [], "has no 'bild'"),
        ("train.py:number", [], "cannot be called"),
        ("train.py:build", ["units"], "is not an argument"),
        ("train.py:build", ["unit=3"], "calling build.unit=3. failed: TypeError"),
        ("nowhere.at.all:build", [], "importing nowhere.at.all failed"),
        ("train.py:len", [], "has no 'len'"),
    ],
)
def test_refused(folder, factory, arguments, message):
    with pytest.raises(InputError, match=message):
        build_model(factory, arguments)


def test_the_users_own_line_is_named(folder):
    with pytest.raises(InputError, match="RuntimeError: no data") as caught:
        build_model("train.py:breaks")
    assert caught.value.where == f'{folder / "train.py"}, line 12: raise RuntimeError("no data")'


def test_a_cell_that_refuses_its_arguments(folder):
    (folder / "train.py").write_text(
        "from ltc2neuro.nn import LTCSE\ndef build(alpha):\n    return LTCSE(3, 5, alpha=alpha)\n"
    )
    with pytest.raises(InputError, match="failed: contraction lost") as caught:
        build_model("train.py:build", ["alpha=6"])
    assert caught.value.where == f"{folder / 'train.py'}, line 3: return LTCSE(3, 5, alpha=alpha)"
    assert "|1 - alpha| = 5" in caught.value.numbers and "allow_growth=True" in caught.value.advice


def test_what_is_no_torch_module(folder):
    (folder / "train.py").write_text("def build():\n    return 3\n")
    with pytest.raises(InputError, match="returned int"):
        build_model("train.py:build")


def test_a_keras_model_of_tensorflow_is_refused_with_the_reason(folder):
    (folder / "saved").mkdir()
    for name in ("saved/saved_model.pb", "model.h5"):
        (folder / name).write_bytes(b"")
    for name in ("saved", "model.h5"):
        with pytest.raises(WeightsError, match="Keras models compute other functions"):
            build_model(name)
