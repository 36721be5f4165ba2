"""Weights from each kind of file, and what is refused."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from safetensors.torch import save_file  # noqa: E402

from hw_models.errors import WeightsError  # noqa: E402
from ltc2neuro.loading.weights import load_weights, split_key  # noqa: E402


@dataclass
class Options:
    """What a user's program pickles beside the weights."""

    units: int = 19


def small(seed: int) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    for parameter in model.parameters():
        parameter.data = torch.rand(parameter.shape, generator=generator)
    return model


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
@pytest.mark.parametrize("prefix", ["", "module.", "model._orig_mod."])
def test_each_file_and_one_common_prefix(tmp_path, suffix, prefix):
    source, target = small(1), small(2)
    path = tmp_path / f"w{suffix}"
    tensors = {prefix + name: tensor for name, tensor in source.state_dict().items()}
    save_file(tensors, path) if suffix == ".safetensors" else torch.save(tensors, path)
    loaded = load_weights(target, path)
    assert same(source, target)
    assert loaded.tensors == 4 and loaded.prefix == prefix
    assert (prefix in str(loaded)) and ("prefix" in str(loaded)) == bool(prefix)


def test_a_prefix_of_the_models_own_stays(tmp_path):
    source, target = torch.nn.ModuleDict({"rnn": small(1)}), torch.nn.ModuleDict({"rnn": small(2)})
    torch.save(source.state_dict(), tmp_path / "w.pt")
    assert load_weights(target, tmp_path / "w.pt").prefix == ""
    assert same(source, target)


def test_lightning_checkpoint(tmp_path):
    source, target = small(1), small(2)
    state = {f"model.{n}": t for n, t in source.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state, "hyper_parameters": {"units": 19}}, tmp_path / "w.ckpt")
    assert load_weights(target, tmp_path / "w.ckpt").prefix == "model."
    assert same(source, target)


def test_a_converted_type_is_said(tmp_path):
    torch.save(small(1).half().state_dict(), tmp_path / "w.pt")
    loaded = load_weights(small(2), tmp_path / "w.pt")
    assert len(loaded.converted) == 4 and "4 converted" in str(loaded)


def test_names_and_shapes_that_do_not_fit_are_listed_and_nothing_is_loaded(tmp_path):
    state = small(1).state_dict()
    state["extra"] = state.pop("0.bias")
    state["1.bias"] = torch.zeros(5)
    torch.save(state, tmp_path / "w.pt")
    target = small(2)
    with pytest.raises(WeightsError) as caught:
        load_weights(target, tmp_path / "w.pt")
    text = str(caught.value)
    assert "missing: 0.bias" in text and "unexpected: extra" in text and "1.bias is (5,), the model's (2,)" in text
    assert same(target, small(2))


def advised(error: WeightsError) -> None:
    """Type what the advice says: it must work as it stands."""
    lines = [line[4:] for line in error.advice.splitlines() if line.startswith("    ")]
    exec("\n".join(lines), {})


@pytest.mark.parametrize(
    "pickled",
    [
        lambda model: model,
        lambda model: {"epoch": 3, "model": model},
        lambda model: {"net": model.state_dict(), "config": Options()},
        lambda model: {"state_dict": model, "best": {"loss": 0.5}},
    ],
)
def test_a_pickled_module_is_refused_with_lines_that_convert_it(tmp_path, monkeypatch, pickled):
    monkeypatch.chdir(tmp_path)
    source, target = small(1), small(2)
    torch.save(pickled(source), "w.pt")
    with pytest.raises(WeightsError, match="could run any code") as caught:
        load_weights(target, "w.pt")
    advised(caught.value)
    load_weights(target, "w.weights.pt")
    assert same(source, target)


def test_a_script_is_refused_with_lines_that_convert_it(tmp_path):
    source, target = small(1), small(2)
    torch.jit.save(torch.jit.script(source), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="TorchScript") as caught:
        load_weights(target, tmp_path / "w.pt")
    advised(caught.value)
    load_weights(target, tmp_path / "w.weights.pt")
    assert same(source, target)


@pytest.mark.parametrize("key", ["model", "net", "weights", "ema", "state_dict", "model_state_dict", "any other"])
def test_a_table_under_any_key_beside_anything_that_only_holds_values(tmp_path, key):
    source, target = small(1), small(2)
    optimizer = torch.optim.Adam(source.parameters())
    sum(p.sum() for p in source.parameters()).backward()
    optimizer.step()
    beside = {
        "optimizer": optimizer.state_dict(),
        "norm_params": {"low": np.float32(1.5), "mean": np.ones(3), "names": np.array(["a", "b"])},
        "args": Namespace(units=19, folder=Path("runs")),
        "started": datetime(2026, 1, 2, tzinfo=timezone.utc),
        "loss": torch.tensor(0.3),
    }
    torch.save({**beside, "deeper": {key: source.state_dict()}}, tmp_path / "w.pt")
    loaded = load_weights(target, tmp_path / "w.pt")
    assert same(source, target)
    assert loaded.key == f"deeper.{key}" and str(loaded) == f"4 tensors of 'deeper.{key}'"


def test_parts_in_tables_of_their_own_and_arrays(tmp_path):
    source = torch.nn.ModuleDict({"rnn": small(1), "head": small(2)})
    target = torch.nn.ModuleDict({"rnn": small(3), "head": small(4)})
    rnn = {name: tensor.numpy() for name, tensor in source["rnn"].state_dict().items()}
    torch.save({"rnn": rnn, "head": source["head"].state_dict()}, tmp_path / "w.pt")
    load_weights(target, tmp_path / "w.pt")
    assert same(source, target)


def test_an_averaged_model(tmp_path):
    source, target = small(1), small(2)
    torch.save(torch.optim.swa_utils.AveragedModel(source).state_dict(), tmp_path / "w.pt")
    assert load_weights(target, tmp_path / "w.pt").prefix == "module."
    assert same(source, target)


def test_among_several_tables_that_fit_one_is_chosen_by_its_key(tmp_path):
    average, source, target = small(1), small(3), small(2)
    torch.save({"ema": average.state_dict(), "model": source.state_dict()}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="several tables") as caught:
        load_weights(target, tmp_path / "w.pt")
    assert caught.value.numbers == "'ema', 'model'" and "key='ema'" in caught.value.advice
    assert f"--weights {tmp_path / 'w.pt'}:ema" in caught.value.advice
    load_weights(target, *split_key(f"{tmp_path / 'w.pt'}:ema"))
    assert same(average, target)
    load_weights(target, tmp_path / "w.pt", key="model")
    assert same(source, target)
    with pytest.raises(WeightsError, match="no table of tensors 'emma'") as caught:
        load_weights(target, tmp_path / "w.pt", key="emma")
    assert "Did you mean 'ema'?" in caught.value.advice
    torch.save({"ema": source.state_dict(), "model": source.state_dict()}, tmp_path / "w.pt")
    load_weights(target, tmp_path / "w.pt")  # the same twice


@pytest.mark.parametrize("convert", [lambda t: t.to(torch.complex64), lambda t: t.to("meta"), lambda t: t.to_sparse()])
def test_tensors_without_real_values_are_refused(tmp_path, convert):
    torch.save({n: convert(t) for n, t in small(1).state_dict().items()}, tmp_path / "w.pt")
    with pytest.raises(WeightsError) as caught:
        load_weights(small(2), tmp_path / "w.pt")
    assert caught.value.numbers or caught.value.advice


def test_a_lazy_model_is_called_first(tmp_path):
    torch.save(small(1).state_dict(), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="lazy"):
        load_weights(torch.nn.LazyLinear(3), tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.safetensors", b"\xff" * 40, "not a safetensors file"),
        ("w.pt", b"nonsense", "as tensors only"),
        ("w.ckpt", b"", "not a file"),
        ("w.bin", b"", "end in .safetensors"),
        ("w.h5", b"", "Keras models compute other functions"),
        ("w.keras", b"", "Keras models compute other functions"),
        ("saved_model.pb", b"", "Keras models compute other functions"),
    ],
)
def test_broken_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        load_weights(small(1), tmp_path / name)


def test_no_file_and_no_tensors(tmp_path):
    with pytest.raises(WeightsError, match="no such"):
        load_weights(small(1), tmp_path / "none.pt")
    torch.save({"epoch": 1, "loss": 0.5}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="no table of tensors") as caught:
        load_weights(small(1), tmp_path / "w.pt")
    assert "epoch, loss" in caught.value.numbers
