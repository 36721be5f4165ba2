"""Files of samples: `.npy` one array (batch, time, features), `.npz` one a sequence, or several by their names."""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from hw_models.errors import InputError

FORMATS = (
    "A .npy file holds one array (batch, time, features), an .npz file one array (time, features) a sequence, or that "
    "of each of several inputs by its name."
)


def read_arrays(path: str | Path, *, mapped: bool = False) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a `.npy` file, `mapped` into memory and not read, or those of an `.npz` file by their names.

    Raises `InputError`.
    """
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"PK"
            file.seek(0)
            found = np.load(path if mapped and not zipped else file, "r" if mapped else None, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            arrays = {name: found[name] for name in found.files}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("a zip file without arrays")
        return arrays
    except OSError as error:
        raise InputError(
            f"cannot read the samples: {error.strerror or error}", where=str(path), advice=FORMATS
        ) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError("not a .npy or .npz file of numbers", where=str(path), advice=FORMATS) from error


def contents_of(
    found: np.ndarray | dict[str, np.ndarray], names: Collection[str] | None
) -> np.ndarray | list[np.ndarray] | dict[str, np.ndarray]:
    """What a file holds: by their names where these are several of `names`, else one array, or one a sequence."""
    if isinstance(found, np.ndarray) or (len(found) > 1 and {*found} <= {*(names or ())}):
        return found
    return list(found.values())
