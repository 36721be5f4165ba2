"""`Population`: a program of the chip, complete: the listing, and what each neuron's words start with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_models.instructions import Instruction

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """Neurons that execute one listing once a tick, each with its own words.

    `words` holds what every word starts with: parameters, states, latches, the tick counter; an array of
    `size` or an int that all neurons share. `states` maps a state of the graph to its word.
    """

    name: str
    size: int
    listing: tuple[Instruction, ...]
    words: dict[str, Integers | int]
    sum_ports: int
    message_ports: int
    states: dict[str, str]
