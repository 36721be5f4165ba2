"""Advice in the words of the shell: the library speaks of arguments, here they are options."""

from __future__ import annotations

import re

_OPTIONS = (
    "chip", "board", "chips", "precision", "dt", "timespans", "cores", "targets", "metric", "on", "strict",
    "min_sqnr", "max_clipped", "max_metric_change", "calibration",
)  # fmt: skip
_CALL = re.compile(r"(?:ltc2neuro\.|net\.)?(?:compile|check|run|verify|cost)\((?:[^()=]*, )?(\w+=[^()]*)\)")
_ARGUMENT = re.compile(rf"\b({'|'.join(_OPTIONS)})=('[^']*'|[\w.]*\w)?(?:\.\.\.)?")
_AXES = {
    "batch_first=True": "--batch-first",
    "batch_first=False": "--time-first",
    "batch_first=": "--batch-first or --time-first",
}


def in_shell(text: str) -> str:
    """`text` with the library's arguments as options.

    >>> in_shell("compile for chip='loihi2', or give timespans=, (batch, time).")
    'compile for --chip loihi2, or give --timespans, (batch, time).'
    >>> in_shell("A constant interval is compile(model, x, dt=...). Compile it with batch_first=False.")
    'A constant interval is --dt. Compile it with --time-first.'
    """
    text = _CALL.sub(r"\1", text)
    for argument, option in _AXES.items():
        text = text.replace(argument, option)
    return _ARGUMENT.sub(_option, text)


def _option(found: re.Match[str]) -> str:
    value = (found[2] or "").strip("'")
    return f"--{found[1].replace('_', '-')} {value if value != 'True' else ''}".rstrip()
