"""Checks of what a user hands in, besides arrays: one `InputError` that says what was given and what is wanted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import TypeGuard

import numpy as np

from hw_models.errors import InputError

_LONGEST = 60


def shown(value: object) -> str:
    """A value in a message: as Python writes it where that is short, else its type."""
    plain = value is None or isinstance(value, (str, bytes, int, float, complex, Path, list, tuple, dict, set))
    text = repr(value) if plain else ""
    return text if plain and len(text) <= _LONGEST and "\n" not in text else f"a {type(value).__name__}"


def nearest(word: object, choices: Iterable[str]) -> str:
    """Which of `choices` is meant by a misspelt `word`, as a sentence; empty where none is near.

    >>> nearest("lohi2", ["loihi1", "loihi2", "spinnaker2"])
    "Did you mean 'loihi2'? "
    """
    near = get_close_matches(word.lower(), list(choices), n=1) if isinstance(word, str) else []
    return f"Did you mean {near[0]!r}? " if near else ""


def check_choice(value: object, choices: Collection[str], what: str, *, also: str = "") -> str:
    """`value`, one of `choices`; `also` says what else there could have been."""
    if isinstance(value, str) and value in choices:
        return value
    raise InputError(
        f"no {what} {shown(value)}", advice=f"{nearest(value, choices)}Use one of {', '.join(choices)}{also}."
    )


def check_path(path: object, what: str = "path") -> Path:
    """A file's path from text or a `Path`."""
    if not isinstance(path, (str, Path)):
        raise InputError(f"{what} must be text or a Path", numbers=f"{what} = {shown(path)}", advice="Name a file.")
    if not Path(path).name or "\0" in str(path):
        raise InputError(f"{what} names no file", numbers=f"{what} = {shown(path)}", advice="Name a file.")
    return Path(path)


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def check_flag(value: object, what: str) -> bool:
    """True or False, NumPy's too, nothing else that is taken for one."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{what} must be True or False", numbers=f"{what} = {shown(value)}")
    return bool(value)


def check_count(value: object, what: str, least: int = 1, most: int = 2**31) -> int:
    """A whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        high = "" if most == 2**31 else f", at most {most}"
        raise InputError(f"{what} must be a whole number, at least {least}{high}", numbers=f"{what} = {shown(value)}")
    return int(value)


def check_counts(**counts: object) -> None:
    """Whole numbers, at least 1, by their names."""
    for what, value in counts.items():
        check_count(value, what)


def is_real(value: object) -> TypeGuard[float]:
    """Whether it is a real number, of Python or NumPy, and no truth."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_real(value: object, what: str, *, above: float = -math.inf) -> float:
    """A finite number, above `above` where that is given."""
    if not is_real(value) or not abs(value) <= 1e300 or not value > above:
        wanted = "be a finite number" if above == -math.inf else f"be above {above:g}"
        raise InputError(f"{what} must {wanted}", numbers=f"{what} = {shown(value)}")
    return float(value)


def check_text(value: object, what: str) -> str:
    """Text, such as a name."""
    if not isinstance(value, str):
        raise InputError(f"{what} must be text", numbers=f"{what} = {shown(value)}")
    return value


def check_names(names: object, what: str) -> list[str]:
    """A list of names from a name, or from several of them."""
    found = [names] if isinstance(names, str) else names
    if not isinstance(found, (list, tuple, set, frozenset)) or not all(isinstance(name, str) for name in found):
        raise InputError(
            f"{what} must be names", numbers=f"{what} = {shown(names)}", advice="Give a name, or a list of names."
        )
    return list(found)
