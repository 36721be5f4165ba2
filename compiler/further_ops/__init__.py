"""Ops beside the basic ones, each whole in a file: its rows in the tables that are keyed by op, and its texts.

The basic ops have their rows beside one another, where the tables are. Importing this folder imports all of its files,
so that an op needs no line anywhere else; `ltc2neuro` does before anything is compiled or loaded.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules


def load() -> None:
    """Fill the tables with the rows of each file here."""
    for file in iter_modules(__path__):
        import_module(f"{__name__}.{file.name}")


load()
