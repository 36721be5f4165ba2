"""Advice in the words of the shell: the library speaks of arguments, here they are options."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_OPTIONS = (
    "chip", "board", "chips", "precision", "dt", "timespans", "cores", "targets", "metric", "on", "strict",
    "min_sqnr", "max_clipped", "max_metric_change", "calibration", "tune", "activity",
)  # fmt: skip
_CALL = re.compile(r"(?:ltc2neuro\.|net\.)?(?:compile|check|run|verify|cost|evaluate)\((?:[^()=]*, )?(\w+=[^()]*)\)")
_COMMAND = re.compile(r"(?:ltc2neuro|net)\.(compile|check|run|verify|cost|evaluate)\([^()=]*\)")
_PYTHON = re.compile(r"(?:ltc2neuro\.)?\b((?:Precision|Options|LibraryForm|compare)\([^()]*\))")
_ARGUMENT = re.compile(rf"\b({'|'.join(_OPTIONS)})=('[^']*'|[\w.]*\w)?(?:\.\.\.)?")
_AXES = {"True": "--batch-first", "False": "--time-first", "": "--batch-first or --time-first"}
_LAYOUT = re.compile(r"(?<!\.\.\., )batch_first=(True|False|)")
"""A layer's own, nn.GRU(..., batch_first=True), is not the command's"""
_KIND = re.compile(r"(?:with )?microcode=True")
_PACKAGE = str(Path(__file__).parents[1])


def in_shell(text: str) -> str:
    """`text` with the library's arguments as options, its functions as commands, and the rest said to be Python's.

    >>> in_shell("compile for chip='loihi2', or give timespans=, (batch, time).")
    'compile for --chip loihi2, or give --timespans, (batch, time).'
    >>> in_shell("A constant interval is compile(model, x, dt=...). Compile it with batch_first=False.")
    'A constant interval is --dt. Compile it with --time-first.'
    >>> in_shell("ltc2neuro.verify(net, model, x) shows it. Compile with a wider Precision(margin=...).")
    'ltc2neuro verify shows it. Compile with a wider ltc2neuro.Precision(margin=...) in Python.'
    >>> in_shell("Compile it with microcode=True, or scale the model's values.")
    "Compile it without --no-microcode, or scale the model's values."
    """
    text = _PYTHON.sub(r"ltc2neuro.\1 in Python", _COMMAND.sub(r"ltc2neuro \1", _CALL.sub(r"\1", text)))
    text = _KIND.sub("without --no-microcode", text).replace("microcode=False", "--no-microcode")
    text = text.replace("graph='float'", "--float").replace("real=False", "--integers")
    text = text.replace("A list of (time, features) sequences", "An .npz file of (time, features) arrays")
    text = _LAYOUT.sub(lambda found: _AXES[found[1] or ""], text)
    return _ARGUMENT.sub(_option, text)


def _option(found: re.Match[str]) -> str:
    value = (found[2] or "").strip("'")
    return f"--{found[1].replace('_', '-')} {value if value != 'True' else ''}".rstrip()


@contextmanager
def warnings_in_shell() -> Iterator[None]:
    """Our warnings are printed as our errors are: in the shell's words, and without a line of Python."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, UserWarning) and filename.startswith(_PACKAGE):
                print(f"ltc2neuro: warning: {in_shell(str(message))}", file=file or sys.stderr)
            else:
                others(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield
