"""What design rules look at: a network on its way to a chip, as far as it has come. All is computed when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from compiler.graph.delays import delayed
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph
from compiler.graph.names import plain_name
from compiler.graph.ops import StateWrite
from compiler.interpreters.execution import Execution
from compiler.interpreters.float64 import run_each
from compiler.mapping import Connection, MappedNetwork
from compiler.mapping.titles import INPUT, OUTPUT, titles
from compiler.placement.prepared import Prepared
from compiler.quantize.floating import Floating
from compiler.quantize.precision import Precision
from compiler.quantize.retention import Kept, retention
from compiler.ranges.integer_spans import Span
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.real_intervals import find_bounds
from compiler.rules.counterexample import Attempt, trial
from hw_models.arrays import Floats
from hw_models.chip import Chip
from hw_models.errors import ChipError, QuantizeError

MOST_SEQUENCES, MOST_STEPS = 8, 256
"""How much of the user's data the rules look at."""
MOST_SAMPLES = 48
"""Of all of it, so many samples each for itself."""


def few(sequences: Sequence[Floats]) -> list[Floats]:
    """As much of the data as rules look at."""
    return [s[:MOST_STEPS] for s in sequences[:MOST_SEQUENCES]]


def samples_of_all(sequences: Sequence[Floats]) -> Floats:
    """Samples (rows, channels) from all over the data."""
    ends = np.cumsum([len(s) for s in sequences])
    at = np.unique(np.linspace(0, ends[-1] - 1, MOST_SAMPLES).astype(np.int64)) if len(ends) and ends[-1] else []
    which = np.searchsorted(ends, at, side="right")
    return np.array([sequences[i][t - ends[i]] for i, t in zip(which, at, strict=True)])


@dataclass(frozen=True, eq=False)
class Design:
    """A network for `chip`: its simplified float graph, and its integer graph where it is quantized.

    `sequences` are samples of its use, each (time, channels): what is observed is observed on them.
    """

    chip: Chip
    real: Graph
    sequences: Sequence[Floats]
    precision: Precision
    floating: Floating | None = None
    """what the integers were made of, with all the data, of which `sequences` are a part"""
    prepared: Prepared | None = None
    """the integers, proven, with their mappings and placements"""

    def with_integers(self, floating: Floating, prepared: Prepared) -> Design:
        """The same, quantized; what the float graph did on the sequences is not computed again."""
        made = replace(self, floating=floating, prepared=prepared)
        vars(made).update({n: known for n, known in vars(self).items() if n in ("observed", "bounds", "runs", "kept")})
        return made

    # --- what is computed ----------------------------------------------------------------------------------

    @cached_property
    def samples(self) -> Floats:
        """Samples (rows, channels) from all over the data."""
        return samples_of_all(self.floating.observed.sequences if self.floating is not None else self.sequences)

    @cached_property
    def observed(self) -> Observed:
        """What the values were."""
        return Observed(self.real, self.sequences)

    @cached_property
    def bounds(self) -> dict[str, Interval] | None:
        """The range of every float value, None where a division has none."""
        try:
            return find_bounds(self.real, self.observed, self.precision.margin)
        except QuantizeError:
            return None

    @cached_property
    def runs(self) -> list[Execution]:
        """The float graph over each of the sequences, with all that its time constants are made of."""
        values = [n for t in self.real.time_constants for n in (t.keep, t.total) if n in self.real.values]
        return run_each(self.real, [s for s in self.sequences if len(s)], list(dict.fromkeys(values)))

    @cached_property
    def kept(self) -> dict[str, Kept]:
        """How much of itself each state keeps from one iteration to the next."""
        return retention(self.real, [s for s in self.sequences if len(s)])

    @cached_property
    def delayed(self) -> frozenset[str]:
        """States that hold what another did, of which that says all there is to say."""
        return delayed(self.real)

    @property
    def integers(self) -> IntegerGraph | None:
        """The integer graph."""
        return None if self.prepared is None else self.prepared.proven.graph

    @property
    def spans(self) -> Mapping[str, Span]:
        """The integers that every value can be."""
        return {} if self.prepared is None else self.prepared.proven.spans

    @cached_property
    def tried(self) -> Attempt | None:
        """The integers of some inputs, of every value."""
        return None if self.integers is None else trial(self.integers, self.sequences)

    @cached_property
    def mapped(self) -> MappedNetwork | ChipError | None:
        """Populations and ticks, or why there are none; None where there is nothing to map.

        A chip that Lava does not run is mapped for its cores' memory, where that is known and its network can be.
        """
        if self.prepared is None or not (self.chip.lava or self.chip.memory):
            return None
        try:
            return self.prepared.mapped()
        except ChipError as error:
            return error if self.chip.lava else None

    @property
    def network(self) -> MappedNetwork | None:
        """The mapped network, where there is one."""
        return self.mapped if isinstance(self.mapped, MappedNetwork) else None

    # --- names ---------------------------------------------------------------------------------------------

    def name(self, value: str) -> str:
        """A value in the user's words, with the line that made it."""
        for graph in (self.integers, self.real):
            if graph is not None and value in graph.values:
                found = graph.values[value]
                lines = found.lines or self._lines(plain_name(value))
                return "; ".join((found.represents or plain_name(value), *lines[:1]))
        return plain_name(value)

    def population(self, name: str) -> str:
        """A population in words."""
        return self._titles.get(name, name)

    def connection(self, of: Connection) -> str:
        """Synapses in words, from where to where."""
        source, target = of.source.population, of.target.population
        return f"{self._titles.get(source or '', INPUT)} -> {self._titles.get(target or '', OUTPUT)}"

    @cached_property
    def _titles(self) -> Mapping[str, str]:
        return titles(self.network) if self.network else {}

    def _lines(self, name: str) -> tuple[str, ...]:
        return self.real.values[name].lines if name in self.real.values else ()

    def iterations(self, state: str) -> int:
        """How often a sample changes a state."""
        repeats = [b.repeat for b, op in self.real.ops() if isinstance(op, StateWrite) and op.state == state]
        return sum(repeats) or 1
