"""Sequences from and to files: `.npy` one array (batch, time, features), `.npz` one array a sequence."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from hw_models.arrays import AnyArray
from ltc2neuro.errors import InputError
from ltc2neuro.inputs.files import FORMATS, contents_of, read_arrays

FileSamples: TypeAlias = "AnyArray | list[AnyArray]"
FileInputs: TypeAlias = "FileSamples | dict[str, AnyArray]"
"""Samples of one input, or those of several by their names"""


def load(path: str, names: Collection[str] | None = None) -> FileInputs:
    """The array of a `.npy` file, or the arrays of an `.npz` file in the order in which they were saved; by their names
    where these are several of `names`, those of a model's inputs."""
    return contents_of(read_arrays(path), names)


def given(path: str | None) -> FileSamples | None:
    """Those of one input, where a file is given."""
    found = load(path) if path else None
    assert not isinstance(found, dict)  # there are no names to look for
    return found


def inlet(path: str | None, names: Collection[str] | None) -> FileInputs | None:
    """The same, of several inputs as well."""
    return load(path, names) if path else None


def targets(path: str | None) -> FileInputs | None:
    """What a model should answer whose answers' names are not known yet: by their names where a `.npz` file has several
    that are not NumPy's own (arr_0, arr_1), else one array, or one a sequence."""
    found = read_arrays(path) if path else None
    named = isinstance(found, dict) and not any(name.startswith("arr_") for name in found)
    return None if found is None else contents_of(found, [*found] if named else None)


def check_target(
    path: str, x: AnyArray | Sequence[AnyArray] | Mapping[str, AnyArray], *, several: bool = False
) -> None:
    """Raise `InputError` where the outputs for `x`, or the `several` answers, cannot be written to `path`: before they
    are computed."""
    wanted = ".npz" if several or not isinstance(x, (np.ndarray, dict)) else ".npy"
    if Path(path).suffix != wanted:
        raise InputError(f"these outputs are written to a {wanted} file", where=path, advice=FORMATS)
    require_folder(path)


def require_folder(path: str) -> None:
    """Raise `InputError` where no file can be written to `path`: before the work is done."""
    if not Path(path).parent.is_dir():
        raise InputError("there is no such folder to write to", where=str(Path(path).parent))


def save(path: str, outputs: AnyArray | Sequence[AnyArray] | Mapping[str, AnyArray]) -> None:
    """Write outputs to `.npy`, or those of a list of sequences, or several by their names, to `.npz`.

    Raises `InputError`.
    """
    check_target(path, outputs, several=isinstance(outputs, Mapping))
    try:
        if isinstance(outputs, np.ndarray):
            np.save(path, outputs)
        elif isinstance(outputs, Mapping):
            with zipfile.ZipFile(path, "w") as file:  # np.savez takes no array of the name "file"
                for name, array in outputs.items():
                    with file.open(f"{name}.npy", "w") as member:
                        np.lib.format.write_array(member, array)
        else:
            np.savez(path, *outputs)
    except OSError as error:
        raise InputError(f"cannot write the outputs: {error.strerror}", where=path) from error
