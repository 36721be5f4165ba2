"""Weights from each kind of file, and what is refused."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from safetensors.torch import save_file  # noqa: E402

from hw_models.errors import WeightsError  # noqa: E402
from ltc2neuro.weights import load_weights  # noqa: E402


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


def test_a_pickled_module_is_refused_with_lines_that_convert_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, target = small(1), small(2)
    torch.save(source, "w.pt")
    with pytest.raises(WeightsError, match="could run any code") as caught:
        load_weights(target, "w.pt")
    lines = [line.strip() for line in caught.value.advice.splitlines() if line.startswith("    ")]
    exec("\n".join(lines))  # the advice is code: it must work as it stands
    load_weights(target, "w.weights.pt")
    assert same(source, target)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.safetensors", b"\xff" * 40, "not a safetensors file"),
        ("w.pt", b"nonsense", "as tensors alone"),
        ("w.ckpt", b"", "not a file"),
        ("w.bin", b"", "end in .safetensors"),
        ("w.h5", b"", "Keras models are other functions"),
        ("w.keras", b"", "Keras models are other functions"),
        ("saved_model.pb", b"", "Keras models are other functions"),
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
