"""An optional package: the extra of the distribution that brings it, whether it is here, and the command if not."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass

from hw_models.errors import MissingExtraError

LAVA_COMMAND = "pip install --no-deps --ignore-requires-python lava-nc==0.10.0"
"""From Python 3.11 on pip installs lava-nc by this alone: it declares older Pythons and NumPys than it runs on."""


@dataclass(frozen=True)
class Extra:
    """An extra of the distribution: its `name`, the `modules` that it brings, and what they are `needed_for`."""

    name: str
    modules: tuple[str, ...]
    needed_for: str
    programs: tuple[str, ...] = ()
    """what must be on the path besides, such as a compiler"""
    install: str = ""
    """what to type, where pip alone does not bring it"""

    @property
    def parts(self) -> tuple[str, ...]:
        """Modules and programs."""
        return self.modules + self.programs

    def missing(self) -> tuple[str, ...]:
        """The modules and programs that are not installed. Imports none of them."""
        gone = [m for m in self.modules if m not in sys.modules and importlib.util.find_spec(m) is None]
        return (*gone, *(p for p in self.programs if shutil.which(p) is None))

    @property
    def command(self) -> str:
        """What to type to install it."""
        return self.install or f'pip install "ltc2neuro[{self.name}]"'

    def require(self) -> None:
        """Raise `MissingExtraError` with the command where a part of it is not installed."""
        missing = self.missing()
        if missing:
            raise MissingExtraError(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed, "
                f"but needed for {self.needed_for}",
                advice=f"Run: {self.command}",
            )


LAVA = Extra(
    "lava",
    ("lava", "scipy", "networkx", "asteval"),
    "running on Lava",
    install=f'pip install "ltc2neuro[lava]" && {LAVA_COMMAND}' if sys.version_info >= (3, 11) else "",
)
ONNX = Extra("onnx", ("onnx", "onnxruntime"), "running ONNX models")
ONNX_FILES = Extra("onnx", ("onnx",), "reading and writing ONNX models")
NATIVE = Extra("native", ("llvmlite", "platformdirs"), "running networks as machine code")
