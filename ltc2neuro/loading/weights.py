"""Trained weights from a file into a torch module. Reads tensors only: no file's code is ever run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch

from hw_models.errors import InputError, WeightsError
from ltc2neuro.frontends.keras import files
from ltc2neuro.frontends.keras.model_argument import is_keras
from ltc2neuro.loading.weight_files import Tables, TensorTable, read_tables


@dataclass(frozen=True)
class LoadedWeights:
    """What `load_weights` did: how many tensors it loaded, and the `prefix` that it took off every name."""

    tensors: int
    prefix: str
    converted: tuple[str, ...]
    """the names whose type differs from the model's, such as half precision into float32"""
    key: str = ""
    """where in the file the table of tensors is; empty where the file is that table"""

    def __str__(self) -> str:
        parts = [f"{self.tensors} tensors" + (f" of {self.key!r}" if self.key else "")]
        if self.prefix:
            parts.append(f"the prefix {self.prefix!r} taken off their names")
        if self.converted:
            parts.append(f"{len(self.converted)} converted to the model's type")
        return ", ".join(parts)


@dataclass(frozen=True)
class Candidate:
    """One table of a file, with a prefix taken off its names, and what is wrong with it."""

    key: str
    prefix: str
    tensors: TensorTable
    problems: tuple[str, ...]


def load_weights(model: torch.nn.Module, path: str | Path, key: str | None = None) -> LoadedWeights:
    """Load a `.safetensors`, `.pt`, `.pth` or Lightning `.ckpt` file into `model`, in place.

    The table of tensors may lie under any key of the file, such as "model" or "ema": the one whose names and shapes are
    the model's is taken; `key`, with dots where it lies deeper, chooses among several. One prefix that all its names
    share, such as `module.` or `model.`, is taken off where the names fit then. Raises `WeightsError` that lists
    the missing and the unexpected names and the shapes that differ, or the tables among which to choose; `model` is
    unchanged then.
    """
    if not isinstance(model, torch.nn.Module):
        raise InputError(
            "weights are loaded into a torch.nn.Module",
            numbers=f"got {type(model).__name__}",
            advice="load_weights(model, path)",
        )
    if not isinstance(path, (str, Path)):
        raise InputError("path must be text or a Path", numbers=f"got {type(path).__name__}")
    if key is not None and not isinstance(key, str):
        raise InputError("key must be text", numbers=f"got {type(key).__name__}", advice="Such as key='ema'.")
    path = Path(path)
    tables = read_tables(path)
    own = _own(model)
    candidates = [_candidate(k, table, own) for k, table in _chosen(tables, key, path).items()]
    chosen = _only(candidates, own, path)
    converted = tuple(n for n in own if chosen.tensors[n].dtype != own[n].dtype)
    model.load_state_dict({n: chosen.tensors[n] for n in own})
    return LoadedWeights(len(own), chosen.prefix, converted, chosen.key)


def weights_into(model: torch.nn.Module, text: str) -> str:
    """Load what is written after --weights into a torch or Keras model; in words what was loaded."""
    if is_keras(model):
        return files.load_weights(model, Path(text))
    return str(load_weights(model, *split_key(text)))


def split_key(text: str) -> tuple[str, str | None]:
    """File and key of what is written after --weights: `file.pt`, or `file.pt:ema`.

    >>> split_key("runs/last.pt"), split_key("runs/last.pt:ema")
    (('runs/last.pt', None), ('runs/last.pt', 'ema'))
    """
    file, colon, key = text.rpartition(":")
    if not colon or Path(text).exists() or not Path(file).suffix:
        return text, None
    return file, key


def _own(model: torch.nn.Module) -> TensorTable:
    if any(torch.nn.parameter.is_lazy(p) for p in [*model.parameters(), *model.buffers()]):
        raise WeightsError(
            "the model has lazy parameters, whose shapes are not known yet",
            advice="Call it once on data before its weights are loaded: model(x).",
        )
    return {n: t for n, t in model.state_dict().items() if isinstance(t, torch.Tensor)}


def _chosen(tables: Tables, key: str | None, path: Path) -> Tables:
    """The tables to look at: all, or the one under `key`."""
    if key is None:
        return tables
    if key in tables:
        return {key: tables[key]}
    near = get_close_matches(key, tables, n=1)
    shown = [k for k in tables if k]
    raise WeightsError(
        f"the file has no table of tensors {key!r}",
        where=str(path),
        numbers=f"it has {', '.join(map(repr, shown)) or 'one table, without a key'}",
        advice=f"Did you mean {near[0]!r}?" if near and near[0] else "Choose one of these, or leave the key out.",
    )


def _candidate(key: str, table: TensorTable, own: TensorTable) -> Candidate:
    table = {name: tensor for name, tensor in table.items() if name != _AVERAGED or name in own}
    prefix = _prefix(table, own)
    found = {name[len(prefix) :]: tensor for name, tensor in table.items()}
    problems = [
        *(f"missing: {n}" for n in own if n not in found),
        *(f"unexpected: {prefix}{n}" for n in found if n not in own),
        *(
            f"wrong shape: {n} is {tuple(found[n].shape)}, the model's {tuple(own[n].shape)}"
            for n in own
            if n in found and found[n].shape != own[n].shape
        ),
        *(
            f"{n} holds {found[n].dtype}, not plain real numbers"
            for n in own
            if n in found and _other(found[n], complex_too=own[n].is_complex())
        ),
    ]
    return Candidate(key, prefix, found, tuple(problems))


_AVERAGED = "n_averaged"
"""The counter that torch.optim.swa_utils.AveragedModel stores beside the averaged model"""


def _other(tensor: torch.Tensor, *, complex_too: bool) -> bool:
    """Whether its values cannot become the model's: they are complex, if its own are not, quantized, or not there."""
    complex_ = tensor.is_complex() and not complex_too
    return complex_ or tensor.is_quantized or tensor.is_meta or tensor.layout != torch.strided


def _only(candidates: list[Candidate], own: TensorTable, path: Path) -> Candidate:
    """The candidate that fits; the one named best where several are the same. Raises `WeightsError`."""
    fit = sorted((c for c in candidates if not c.problems), key=lambda c: (len(c.prefix), len(c.key)))
    if not fit:
        best = min(candidates, key=lambda c: (len(c.problems), len(c.prefix), len(c.key)))
        raise WeightsError(
            "the weights do not fit the model",
            where=f"{path}, {best.key!r}" if best.key else str(path),
            numbers="\n    ".join(["", *best.problems]),
            advice="Build the model with the options that it was trained with.",
        )
    others = [c for c in fit[1:] if not all(torch.equal(c.tensors[n], fit[0].tensors[n]) for n in own)]
    if others:
        keys = [c.key for c in (fit[0], *others)]
        raise WeightsError(
            "several tables of tensors fit the model, with different values",
            where=str(path),
            numbers=", ".join(map(repr, keys)),
            advice=f"Choose one: load_weights(model, path, key={keys[0]!r}), or in the shell --weights "
            f"{path}:{keys[0]}.",
        )
    return fit[0]


def _prefix(found: Mapping[str, object], own: Mapping[str, object]) -> str:
    """The shared prefix of all names in the file, ending in a dot, whose removal makes most names fit; often none."""
    first = next(iter(found), "")
    ends = [i + 1 for i, letter in enumerate(first) if letter == "."]
    shared = ["", *(first[:end] for end in ends if all(name.startswith(first[:end]) for name in found))]
    return max(shared, key=lambda prefix: sum(name[len(prefix) :] in own for name in found))
