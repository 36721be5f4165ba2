"""An optional package: the extra of the distribution that brings it, whether it is here, and the command if not."""

from __future__ import annotations

import importlib.util
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

    def missing(self) -> tuple[str, ...]:
        """The modules that are not installed. Imports none of them."""
        return tuple(m for m in self.modules if m not in sys.modules and importlib.util.find_spec(m) is None)

    @property
    def command(self) -> str:
        """What to type to install it."""
        command = f'pip install "ltc2neuro[{self.name}]"'
        return f"{command} && {LAVA_COMMAND}" if "lava" in self.modules and sys.version_info >= (3, 11) else command

    def require(self) -> None:
        """Raise `MissingExtraError` with the command where a module of it is not installed."""
        missing = self.missing()
        if missing:
            raise MissingExtraError(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed, "
                f"but needed for {self.needed_for}",
                advice=f"Run: {self.command}",
            )


LAVA = Extra("lava", ("lava", "scipy", "networkx", "asteval"), "running on Lava")
ONNX = Extra("onnx", ("onnx", "onnxruntime"), "running ONNX models")
ONNX_FILES = Extra("onnx", ("onnx",), "writing ONNX models")
