"""`load`: the network in a file."""

from __future__ import annotations

from pathlib import Path

from ltc2neuro.artifact.saving import read
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.network import Network
from ltc2neuro.stock.file import read_library
from ltc2neuro.stock.network import LibraryNetwork


def load(path: str | Path) -> Network:
    """The network in a `.l2n` file. Raises `ArtifactError` where it is damaged, or its versions are not ours."""
    return remade(Network, read(path))


def load_library(path: str | Path) -> LibraryNetwork:
    """The network that `LibraryNetwork.save` wrote. Raises `ArtifactError` where it is damaged, or not such a one."""
    return remade(LibraryNetwork, read_library(path))
