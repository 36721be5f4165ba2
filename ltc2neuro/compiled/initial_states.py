"""States that a user hands in, to start from: integers of an earlier run, or real values such as torch's own `hx`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compiler.quantize.carry import carry_name
from hw_models.arrays import Floats, Integers
from hw_models.errors import InputError
from ltc2neuro.inputs.arrays import ArrayOrTensor, as_array, check_numbers

if TYPE_CHECKING:
    from compiler.graph.integers import IntegerGraph

GivenStates: TypeAlias = "Mapping[str, ArrayOrTensor]"

_PART = re.compile(r"(.+)\[(\d+):(\d+)\]")
"""The name of a state that is elements start..stop of one of the model's"""


@dataclass(frozen=True)
class StateWord:
    """A state as integers, per element: the real weight of its LSB, and between what it lies."""

    lsb: Floats
    low: Integers
    high: Integers
    rest: Integers | None = None
    """of a carry: what it is where it is not handed in"""
    reached: tuple[Floats, Floats] | None = None
    """where the network reaches others than those of its range: all that it reaches, and that may be handed in"""

    @property
    def size(self) -> int:
        """Its elements."""
        return len(self.lsb)

    @property
    def held(self) -> str:
        """The real values between which it lies, in words."""
        return f"{np.min(self.low * self.lsb):.6g} to {np.max(self.high * self.lsb):.6g}"

    def quantize(self, real: Floats) -> tuple[Integers, int]:
        """Round half up and clip, (batch, size); returns the integers and how many were clipped."""
        scaled = np.floor(real / self.lsb + 0.5)
        clipped = np.clip(scaled, self.low, self.high)
        return clipped.astype(np.int64), int(np.count_nonzero(clipped != scaled))


def state_words_of(graph: IntegerGraph) -> dict[str, StateWord]:
    """The states of an integer graph."""
    found = {}
    for state in graph.states:
        form, every = graph.state_format(state.name), np.ones(state.size, np.int64)
        carries = any(state.name == carry_name(other.name) for other in graph.states)
        rest = graph.constants[state.initial].astype(np.int64) if carries else None
        found[state.name] = StateWord(np.full(state.size, form.lsb), every * form.low, every * form.high, rest)
    return found


def as_rows(state: object, words: Mapping[str, StateWord], batch: int | None) -> dict[str, np.ndarray]:
    """The arrays (batch, size) handed in, by the names of `words`; `batch` None: any, but the same for all.

    A state that the network has in parts, such as h[0:5] and h[5:8], may be given whole, as h; torch's axis of a single
    layer before the batch is removed. Raises `InputError` for other names, shapes, and what is not finite.
    """
    wholes = {match[1] for name in words if (match := _PART.fullmatch(name))}
    if not isinstance(state, Mapping) or not set(state) <= set(words) | wholes:
        raise _other_states(state, words)
    given = {str(name): _array(name, array, _size(str(name), words)) for name, array in state.items()}
    found: dict[str, np.ndarray] = {}
    left_out = {n: word.rest for n, word in words.items() if word.rest is not None and n not in given}
    for name, word in words.items():
        if name in left_out:
            continue
        match = _PART.fullmatch(name)
        if name in given:
            found[name] = given[name]
        elif match and match[1] in given:
            whole, size = given[match[1]], _size(match[1], words)
            _check_shape(match[1], whole, size, batch)
            found[name] = whole[:, int(match[2]) : int(match[3])]
        else:
            raise _other_states(state, words)
        batch = len(found[name]) if batch is None and found[name].ndim == 2 else batch
        _check_shape(name, found[name], word.size, batch)
    return found | {name: np.repeat(rest[None], batch or 0, axis=0) for name, rest in left_out.items()}


def _other_states(state: object, words: Mapping[str, StateWord]) -> InputError:
    given = sorted(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
    wanted = ", ".join(f"{name!r}: (batch, {word.size})" for name, word in words.items())
    return InputError(
        "state does not fit the network",
        numbers=f"has {given}, expected {sorted(words)}",
        advice=f"Give {{{wanted}}}: the final_state of a run of this network, or torch's hx as real values.",
    )


def _check_shape(name: str, array: np.ndarray, size: int, batch: int | None) -> None:
    if array.ndim != 2 or array.shape[1] != size or (batch is not None and len(array) != batch):
        raise InputError(
            "state has the wrong shape",
            where=name,
            numbers=f"{array.shape}, expected ({'batch' if batch is None else batch}, {size})",
            advice="Give each sequence a row; of a layer of torch's with several layers, h[0] is 'h_l0'.",
        )


def _size(name: str, words: Mapping[str, StateWord]) -> int:
    """The elements of a state, or of one that the network has in parts."""
    return words[name].size if name in words else sum(w.size for n, w in words.items() if n.startswith(f"{name}["))


def _array(name: object, given: object, size: int) -> np.ndarray:
    """A state (batch, ...) as (batch, size), where it is of that size."""
    array = as_array(given, f"state {name}")
    check_numbers(array, f"state {name}")
    if array.dtype == np.bool_:
        raise InputError("a state cannot be bool", where=str(name), advice="Give int64 or floats.")
    if array.ndim > 2 and prod(array.shape[1:]) == size:
        return array.reshape(len(array), size)
    return array[0] if array.ndim == 3 and len(array) == 1 else array


def holds_reals(array: np.ndarray) -> bool:
    """Whether it holds real values: by its type alone, for 1.0 may be either."""
    return np.issubdtype(array.dtype, np.floating)


def check_units(name: str, array: np.ndarray, word: StateWord) -> None:
    """Raise `InputError` for integers that have become floats on their way: as real values they lie far outside."""
    whole = bool(np.all(array == np.floor(array)))
    if whole and bool(np.any((array < word.low * word.lsb) | (array > word.high * word.lsb))):
        raise InputError(
            "floats are taken as real values, but these look like a network's integers",
            where=name,
            numbers=f"whole numbers from {array.min():.6g} to {array.max():.6g}, the network holds {word.held}",
            advice="Give integers with an integer type, .astype(np.int64).",
        )


def state_integers(
    rows: Mapping[str, np.ndarray], words: Mapping[str, StateWord]
) -> tuple[dict[str, Integers], dict[str, int]]:
    """States as integers, and how many values of which were clipped: real values are rounded, integers must fit."""
    integers: dict[str, Integers] = {}
    clipped: dict[str, int] = {}
    for name, array in rows.items():
        word = words[name]
        if holds_reals(array):
            check_units(name, array, word)
            integers[name], count = word.quantize(array.astype(np.float64))
            clipped.update({name: count} if count else {})
            continue
        low, high = word.reached or (word.low, word.high)
        if np.any(beyond := (array < low) | (array > high)):
            row, element = np.argwhere(beyond)[0]
            raise InputError(
                "a given state is not one of this network's integers",
                where=f"{name}, element {element}",
                numbers=f"{array[row, element]}, allowed {low[element]:.0f}..{high[element]:.0f}",
                advice="Give the final_state of a run of this network; real values need a float type.",
            )
        integers[name] = array.astype(np.int64)
    return integers, clipped


def as_reals(rows: Mapping[str, np.ndarray], words: Mapping[str, StateWord]) -> dict[str, Floats]:
    """States in LSB, unrounded, as "floating" takes them."""
    for name, array in rows.items():
        if holds_reals(array):
            check_units(name, array, words[name])
    return {n: a / words[n].lsb if holds_reals(a) else a.astype(np.float64) for n, a in rows.items()}


def tell_clipped(
    clipped: Mapping[str, int], rows: Mapping[str, np.ndarray], words: Mapping[str, StateWord], stacklevel: int
) -> None:
    """One warning of what lay beyond a state's range."""
    if clipped:
        parts = [
            f"{name}: {count} of {rows[name].size} values; they go from {rows[name].min():.6g} to "
            f"{rows[name].max():.6g}, it holds {words[name].held}"
            for name, count in clipped.items()
        ]
        warnings.warn(
            f"a given state was clipped to the range that the network holds ({'; '.join(parts)}). Calibrate on "
            "data whose states go as far.",
            stacklevel=stacklevel + 1,
        )
