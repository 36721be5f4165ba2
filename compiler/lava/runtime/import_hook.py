"""Cures two modules of Lava while they are imported, by whoever imports them: `install` is all there is to call.

lava-nc 0.10.0 needs two cures to be imported on every Python that we support; both change nothing on disk and
nothing where they are not needed.

1. `lava.magma.compiler.var_model` has an unhashable default in a dataclass, which Python 3.11 and newer refuse.
   That one module is executed under a `dataclass` that makes its classes hashable.
2. Lava's message infrastructure sets the start method `fork` without force, which fails where the program has chosen
   a method before, even `fork`. The choice is forgotten for that import.

Uses the standard library only, and until Lava is imported costs one look-up in a table for each module imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class VarModelLoader(SourceFileLoader):
    """Executes `var_model`, and where its dataclasses are refused a second time, hashable."""

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        try:
            super().exec_module(module)
            return
        except ValueError as error:  # 3.11 and newer: "mutable default <class ...ByteEncoder> ... is not allowed"
            if "mutable default" not in str(error):
                raise
        import dataclasses

        # The first try has brought in all that the module depends on: only its own classes are made below.
        plain = dataclasses.dataclass

        def hashable(cls: type | None = None, **options: bool) -> type | Callable[[type], type]:
            options.setdefault("unsafe_hash", True)
            return plain(cls, **options) if cls is not None else lambda made: plain(made, **options)

        dataclasses.dataclass = hashable
        try:
            super().exec_module(module)
        finally:
            dataclasses.dataclass = plain


class MessagesLoader(SourceFileLoader):
    """Executes Lava's message infrastructure as if no start method of processes had been chosen."""

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        import multiprocessing

        if multiprocessing.get_start_method(allow_none=True) is not None:
            multiprocessing.set_start_method(None, force=True)
        super().exec_module(module)


VAR_MODEL = "lava.magma.compiler.var_model"
MESSAGES = "lava.magma.runtime.message_infrastructure.multiprocessing"
LOADERS: dict[str, type[SourceFileLoader]] = {VAR_MODEL: VarModelLoader, MESSAGES: MessagesLoader}


class LavaFinder:
    """Finds the modules of `LOADERS` where Python would, with a loader that cures them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`; None for all other modules."""
        if fullname not in LOADERS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = LOADERS[fullname](fullname, spec.loader.path)
        return spec


def install() -> None:
    """Cure Lava's modules from here on, also where an import of Lava has failed before; once is enough.

    A failed import leaves nothing half made: Python forgets each module whose import fails, and no other module of
    Lava holds a part of those (tried with every module of lava-nc 0.10.0).
    """
    if not any(isinstance(finder, LavaFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, LavaFinder())
