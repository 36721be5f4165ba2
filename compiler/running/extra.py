"""An optional package: the extra of the distribution that brings it, whether it is here, and the command if not."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

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
    oldest: tuple[tuple[str, str], ...] = ()
    """modules of which another package may have brought a version that is too old, and the first that will do"""

    @property
    def parts(self) -> tuple[str, ...]:
        """Modules and programs."""
        return self.modules + self.programs

    def missing(self) -> tuple[str, ...]:
        """The modules and programs that are not installed, or too old. Imports none of them."""
        gone = [m for m in self.modules if m not in sys.modules and importlib.util.find_spec(m) is None]
        old = [f"{m} {least} or newer" for m, least in self.oldest if m not in gone and _version(m) < _numbers(least)]
        return (*gone, *old, *(p for p in self.programs if shutil.which(p) is None))

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

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Raise `MissingExtraError` where what is installed cannot be imported."""
        try:
            yield
        except (ImportError, OSError, AttributeError, RuntimeError) as error:
            raise MissingExtraError(
                f"{' and '.join(self.modules)} are installed, but cannot be loaded for {self.needed_for}",
                numbers=f"{type(error).__name__}: {error}",
                advice=f"Run: pip install --force-reinstall {' '.join(self.modules)}",
            ) from error


def _numbers(text: str) -> tuple[int, ...]:
    """Of a version: (0, 50) of 0.50.0rc1."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


@cache
def _version(module: str) -> tuple[int, ...]:
    """Of an installed package; the highest where it tells none."""
    try:
        return _numbers(version(module))
    except PackageNotFoundError:
        return (sys.maxsize,)


LAVA = Extra(
    "lava",
    ("lava", "scipy", "networkx", "asteval"),
    "running on Lava",
    install=f'pip install "ltc2neuro[lava]" && {LAVA_COMMAND}' if sys.version_info >= (3, 11) else "",
)
ONNX = Extra("onnx", ("onnx", "onnxruntime"), "running ONNX models")
ONNX_FILES = Extra("onnx", ("onnx",), "reading and writing ONNX models")
NATIVE = Extra(
    "native",
    ("llvmlite", "platformdirs"),
    "running networks as machine code",
    oldest=(("llvmlite", "0.50"),),  # numba brings older ones
)
