"""A population's neurons tick by tick: what they keep, and what executes their listing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from compiler.assembly.population import Population
from compiler.simulator.interpreter import Interpreter, Vector
from hw_models.arrays import Integers

Lanes = npt.NDArray[np.int32]


class ListedNeurons(Protocol):
    """A population, `lanes` sequences side by side."""

    def tick(self, sums: Sequence[Vector]) -> Sequence[Vector]:
        """One tick: of what arrived at each sum port, (size, lanes) or 0, what each message port sends."""
        ...

    def read(self, word: str) -> Lanes:
        """A word of all neurons in all lanes, (size, lanes)."""
        ...

    def write(self, word: str, integers: npt.ArrayLike) -> None:
        """Give a word other integers, (size,) or (size, lanes)."""
        ...


def starting_words(population: Population, initial: Mapping[str, npt.ArrayLike]) -> dict[str, Integers | int]:
    """What each word starts with, where states start from `initial`: an int, (size, 1) or (size, lanes)."""
    given = {population.states[state]: integers for state, integers in initial.items() if state in population.states}
    return {name: as_column(given.get(name, word)) for name, word in population.words.items()}


def as_column(word: npt.ArrayLike) -> Vector:
    """A word as the interpreter takes it: an int, (size, 1) or (size, lanes)."""
    if isinstance(word, int):
        return word
    array = np.asarray(word, np.int32)
    return array.reshape(-1, 1) if array.ndim == 1 else array


class InterpretedNeurons:
    """`ListedNeurons` whose listing is interpreted, instruction by instruction."""

    def __init__(self, population: Population, lanes: int, initial: Mapping[str, npt.ArrayLike]) -> None:
        self._shape, self._ports = (population.size, lanes), population.message_ports
        self._interpreter = Interpreter(population.listing, self._shape)
        self._words = starting_words(population, initial)

    def tick(self, sums: Sequence[Vector]) -> Sequence[Vector]:
        """See `ListedNeurons`."""
        messages = self._interpreter.tick(self._words, sums)
        return messages + [0] * (self._ports - len(messages))

    def read(self, word: str) -> Lanes:
        """See `ListedNeurons`."""
        return np.broadcast_to(np.asarray(self._words[word], np.int32), self._shape)

    def write(self, word: str, integers: npt.ArrayLike) -> None:
        """See `ListedNeurons`."""
        self._words[word] = as_column(integers)
