"""`load`: the network in a file."""

from __future__ import annotations

from pathlib import Path

from ltc2neuro.artifact.saving import read
from ltc2neuro.compiled.pickling import made_of
from ltc2neuro.network import Network
from ltc2neuro.stock.file import read_library
from ltc2neuro.stock.network import LibraryNetwork


def load(path: str | Path) -> Network:
    """The network in a `.l2n` file. Raises `ArtifactError` where it is damaged, or its versions are not ours."""
    return Network(**made_of(read(path)))  # type: ignore[arg-type]  # the record's own fields


def load_library(path: str | Path) -> LibraryNetwork:
    """The network that `LibraryNetwork.save` wrote. Raises `ArtifactError` where it is damaged, or not such a one."""
    return LibraryNetwork(**made_of(read_library(path)))  # type: ignore[arg-type]  # the record's own fields
