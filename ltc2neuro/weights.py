"""Trained weights from a file into a torch module. Reads tensors only: no file's code is ever run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from hw_models.errors import WeightsError

CONVERSION = """\
It holds Python objects, or is damaged. In the program that made it, if you trust it, run once:
    import torch
    old = torch.load({old!r}, map_location="cpu", weights_only=False)
    torch.save(old["state_dict"] if isinstance(old, dict) else old.state_dict(), {new!r})
and use {new!r}."""

_KERAS = (".h5", ".hdf5", ".keras", ".pb", ".index")
"""What Keras and TensorFlow write"""


@dataclass(frozen=True)
class LoadedWeights:
    """What `load_weights` did: how many tensors it loaded, and the `prefix` that it took off every name."""

    tensors: int
    prefix: str
    converted: tuple[str, ...]
    """the names whose type differs from the model's, such as half precision into float32"""

    def __str__(self) -> str:
        parts = [f"{self.tensors} tensors"]
        if self.prefix:
            parts.append(f"the prefix {self.prefix!r} taken off their names")
        if self.converted:
            parts.append(f"{len(self.converted)} converted to the model's type")
        return ", ".join(parts)


def load_weights(model: torch.nn.Module, path: str | Path) -> LoadedWeights:
    """Load a `.safetensors`, `.pt`, `.pth` or Lightning `.ckpt` file into `model`, in place.

    One prefix that all names in the file share, such as `module.` or `model.`, is taken off where the names fit the
    model's then. Raises `WeightsError` that lists the missing and the unexpected names and the shapes that differ;
    `model` is unchanged then.
    """
    path = Path(path)
    found = read_tensors(path)
    own = model.state_dict()
    prefix = _prefix(found, own)
    found = {name[len(prefix) :]: tensor for name, tensor in found.items()}
    problems = [
        *(f"missing: {n}" for n in own if n not in found),
        *(f"unexpected: {prefix}{n}" for n in found if n not in own),
        *(
            f"wrong shape: {n} is {tuple(found[n].shape)}, the model's {tuple(own[n].shape)}"
            for n in own
            if n in found and found[n].shape != own[n].shape
        ),
    ]
    if problems:
        raise WeightsError(
            "the weights do not fit the model",
            where=str(path),
            numbers="\n    ".join(["", *problems]),
            advice="Build the model with the options that it was trained with.",
        )
    converted = tuple(n for n in own if found[n].dtype != own[n].dtype)
    model.load_state_dict(found)
    return LoadedWeights(len(found), prefix, converted)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weights file by name. Raises `WeightsError`."""
    refuse_keras(path)
    if not path.is_file():
        raise WeightsError("there is no such weights file", where=str(path), advice="Check the path.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in (".pt", ".pth", ".ckpt"):
        return _read_torch(path)
    raise WeightsError(f"weights files end in .safetensors, .pt, .pth or .ckpt, not {path.suffix!r}", where=str(path))


def refuse_keras(path: Path) -> None:
    """Raise `WeightsError` where `path` is what Keras writes: a file, or a folder with a saved model."""
    if (path.is_file() and path.suffix in _KERAS) or (path / "saved_model.pb").is_file():
        raise WeightsError(
            "Keras models are other functions under the same names",
            where=str(path),
            advice="The gate of a Keras CfC has another sign and no tanh, a Keras LTC no softplus: its weights mean "
            "something else in torch. Train the torch module.",
        )


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"not a safetensors file: {error}", where=str(path)) from error


def _read_torch(path: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        advice = CONVERSION.format(old=str(path), new=f"{path.stem}.weights.pt")
        raise WeightsError(
            "this file cannot be loaded as tensors alone; a pickled module could run any code",
            where=str(path),
            advice=advice,
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise WeightsError(f"not a file that torch saved: {error}", where=str(path)) from error
    tables = [content]
    if isinstance(content, Mapping):
        tables += [content[key] for key in ("state_dict", "model_state_dict") if key in content]
    for table in reversed(tables):
        if isinstance(table, Mapping) and table and all(isinstance(v, torch.Tensor) for v in table.values()):
            return {str(name): tensor for name, tensor in table.items()}
    keys = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
    raise WeightsError(
        "the file has no table of tensors",
        where=str(path),
        numbers=f"it holds {keys}",
        advice="Save model.state_dict(), alone or under the key 'state_dict'.",
    )


def _prefix(found: Mapping[str, object], own: Mapping[str, object]) -> str:
    """The shared prefix of all names in the file, ending in a dot, whose removal makes most names fit; often none."""
    first = next(iter(found), "")
    ends = [i + 1 for i, letter in enumerate(first) if letter == "."]
    shared = ["", *(first[:end] for end in ends if all(name.startswith(first[:end]) for name in found))]
    return max(shared, key=lambda prefix: sum(name[len(prefix) :] in own for name in found))
