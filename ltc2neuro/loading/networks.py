"""`load`: the network in a file."""

from __future__ import annotations

from pathlib import Path

from ltc2neuro.artifact.header import Content, read_network
from ltc2neuro.artifact.saving import record_of
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.library_network.file import is_library, library_of
from ltc2neuro.library_network.network import LibraryNetwork
from ltc2neuro.network import Network


def load(path: str | Path) -> Network | LibraryNetwork:
    """The network in a `.l2n` file, of the kind that was saved: with microcode a `Network`, else a `LibraryNetwork`.

    Raises `ArtifactError` where the file is damaged, or of another version.
    """
    return read_network(path, _network)


def _network(content: Content) -> Network | LibraryNetwork:
    if is_library(content):
        return remade(LibraryNetwork, library_of(content))
    return remade(Network, record_of(content))
