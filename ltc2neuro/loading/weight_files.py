"""The tables of tensors in a weights file. Reads tensors, numbers and text only: no file's code is ever run."""

from __future__ import annotations

import argparse
import datetime
import pathlib
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from hw_models.errors import WeightsError

TensorTable: TypeAlias = dict[str, torch.Tensor]
Tables: TypeAlias = dict[str, TensorTable]

CONVERSION = """\
It holds Python objects, or is damaged. In the program that made it, if you trust it, run once:
    import torch
    tensors = lambda x: (
        tensors(x.state_dict()) if isinstance(x, torch.nn.Module)
        else {{str(k): tensors(v) for k, v in x.items()}} if isinstance(x, dict)
        else x if torch.is_tensor(x) else None)
    torch.save(tensors(torch.load({old!r}, map_location="cpu", weights_only=False)), {new!r})
and use {new!r}."""

SCRIPTED = """\
Save its tensors alone:
    import torch
    torch.save(torch.jit.load({old!r}, map_location="cpu").state_dict(), {new!r})
and use {new!r}."""

DEEPEST, MOST = 16, 2**20
"""How deep tables may lie in one another, and how many entries a file may have"""

_KERAS = (".h5", ".hdf5", ".keras", ".pb", ".index")
"""What Keras and TensorFlow write"""

_TORCH = (".pt", ".pth", ".ckpt", ".tar")


def read_tables(path: Path) -> Tables:
    """Every table of tensors in a weights file by its key: "" is the whole file, "a.b" lies under "b" under "a".

    A table has all tensors below its key, by their names with dots. NumPy arrays are tensors, too. Raises
    `WeightsError`.
    """
    refuse_keras(path)
    try:
        there = path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if not there:
        raise WeightsError("there is no such weights file", where=str(path), advice="Check the path.")
    if path.suffix == ".safetensors":
        return tables_of(_read_safetensors(path), path)
    if path.suffix in _TORCH:
        return tables_of(_read_torch(path), path)
    raise WeightsError(
        f"weights files end in .safetensors, .pt, .pth or .ckpt, not {path.suffix!r}",
        where=str(path),
        advice="Where torch.save wrote it, give it such a name; else write one: torch.save(model.state_dict(), 'w.pt')",
    )


def refuse_keras(path: Path) -> None:
    """Raise `WeightsError` where `path` is what Keras writes: a file, or a folder with a saved model."""
    try:
        keras = (path.is_file() and path.suffix in _KERAS) or (path / "saved_model.pb").is_file()
    except (OSError, ValueError):  # a name that no file can have
        return
    if keras:
        raise WeightsError(
            "Keras models compute other functions under the same names",
            where=str(path),
            advice="The gate of a Keras CfC has another sign and no tanh, a Keras LTC no softplus: its weights mean "
            "something else in torch. Compile the Keras model itself: ltc2neuro compile m.keras, and in Python "
            "compile(keras.saving.load_model('m.keras'), x), with KERAS_BACKEND=torch.",
        )


def tables_of(content: object, path: Path) -> Tables:
    """The tables of what a file holds. Raises `WeightsError` where there is no tensor in it."""
    found: Tables = {}
    for count, (keys, tensor) in enumerate(_leaves(content, ())):
        if count > MOST:
            raise WeightsError("the file has too many entries", where=str(path), numbers=f"more than {MOST:,}")
        for depth in range(len(keys)):
            found.setdefault(".".join(keys[:depth]), {})[".".join(keys[depth:])] = tensor
    if not found:
        keys = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise WeightsError(
            "the file has no table of tensors",
            where=str(path),
            numbers=f"it holds {keys}",
            advice="Save model.state_dict(), alone or under a key.",
        )
    return found


def _leaves(content: object, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
    """Each tensor in tables within tables, and the keys to it."""
    if isinstance(content, np.ndarray) and content.dtype.kind in "biuf":
        content = torch.from_numpy(content)
    if isinstance(content, torch.Tensor):
        if keys:
            yield keys, content
        return
    if len(keys) == DEEPEST:
        return
    entries = content if isinstance(content, (list, tuple)) else ()
    for key, value in content.items() if isinstance(content, Mapping) else enumerate(entries):
        yield from _leaves(value, (*keys, str(key)))


def _read_safetensors(path: Path) -> TensorTable:
    try:
        return load_file(path)
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise WeightsError(
            f"not a safetensors file: {error}", where=str(path), advice="Copy it again, or save it again."
        ) from error


def _read_torch(path: Path) -> object:
    new = str(path.with_name(f"{path.stem}.weights.pt"))
    if _scripted(path):
        raise WeightsError(
            "this is a TorchScript program, not weights",
            where=str(path),
            advice=SCRIPTED.format(old=str(path), new=new),
        )
    try:
        return _loaded(path)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            "this file cannot be loaded as tensors only; a pickled module could run any code",
            where=str(path),
            advice=CONVERSION.format(old=str(path), new=new),
        ) from error
    except Exception as error:  # of a damaged file, torch raises whatever the damage leads to
        raise WeightsError(
            f"not a file that torch saved: {error}", where=str(path), advice="Copy it again, or save it again."
        ) from error


def _loaded(path: Path) -> object:
    """What the file holds: tensors alone, else with what only holds values."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        if not hasattr(torch.serialization, "safe_globals"):  # an early torch
            raise
        with torch.serialization.safe_globals(_inert()):
            return torch.load(path, map_location="cpu", weights_only=True)


def _scripted(path: Path) -> bool:
    """Whether it is what `torch.jit.save` writes."""
    try:
        with zipfile.ZipFile(path) as file:
            return any(name.endswith("/constants.pkl") for name in file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _inert() -> list[Callable[..., object] | tuple[Callable[..., object], str]]:
    """What stands beside the tensors in many checkpoints, and only holds values: NumPy's arrays and numbers, parsed
    arguments, paths and dates. NumPy's own names have changed: files have the old ones and the new ones."""
    own = import_module("numpy._core.multiarray" if hasattr(np, "_core") else "numpy.core.multiarray")
    names = ((core, name) for core in ("core", "_core") for name in ("_reconstruct", "scalar"))
    functions = [(getattr(own, name), f"numpy.{core}.multiarray.{name}") for core, name in names]
    dtypes = [type(np.dtype(code)) for code in "?bBhHiIlLqQefdgFDSUMm"]
    values = [argparse.Namespace, datetime.datetime, datetime.date, datetime.timedelta, datetime.timezone]
    paths = [pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath]
    return [*functions, np.ndarray, np.dtype, *dtypes, *values, *paths]
