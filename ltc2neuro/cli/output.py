"""What commands print: text for people or one JSON object, errors, and the exit statuses."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping

from hw_models.errors import Ltc2NeuroError
from ltc2neuro.cli.advice import in_shell

HELD, MISSED, USAGE, FAULT, INTERRUPTED, UNREAD = 0, 1, 2, 3, 130, 141
"""Exit statuses: all went well or held; `verify` missed a limit; an error of the user's; a bug in ltc2neuro; the
two of shells: interrupted, and the reader of our output, such as `head`, was gone before its end."""


def say(options: argparse.Namespace, text: str, data: Mapping[str, object]) -> None:
    """Print `text`, or `data` with --json."""
    print(json.dumps(_plain(data), indent=1, allow_nan=False) if options.json else text)


def note(options: argparse.Namespace, text: str) -> None:
    """Say something on the way, besides the result: on standard error, and not with --json."""
    if not options.json:
        print(text, file=sys.stderr)


def say_error(options: argparse.Namespace, error: Exception) -> None:
    """Print an error: on standard error, with --json as an object on standard output."""
    own = isinstance(error, Ltc2NeuroError)
    what = in_shell(error.what) if own else f"a bug in ltc2neuro, please report: {type(error).__name__}: {error}"
    if options.json:
        parts = {key: getattr(error, key, "") for key in ("where", "numbers")}
        parts["advice"] = in_shell(getattr(error, "advice", ""))
        print(json.dumps({"error": {"kind": type(error).__name__, "what": what, **parts}}, indent=1))
        return
    hint = "" if own or options.debug else "\n  what to do: run it again with --debug, and report what that shows."
    shown = (
        Ltc2NeuroError(what, where=error.where, numbers=error.numbers, advice=in_shell(error.advice)) if own else what
    )
    print(f"ltc2neuro: {shown}{hint}", file=sys.stderr)


def _plain(value: object) -> object:
    """What JSON has a form for: NumPy's numbers as Python's, infinity and all else as text."""
    import numpy as np

    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (bool, int)) else str(value)
