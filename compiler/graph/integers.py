"""The integer graph: a `Graph` of which every value and state has a format, and what is asked of one most often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from hw_models.arrays import Array, Floats
from hw_models.errors import GraphError, InputError
from hw_models.fixed_point import Format


@dataclass(frozen=True)
class HostMap:
    """What the host computes beside the chip, channel by channel: x * scale + offset."""

    scale: Floats
    offset: Floats

    def __call__(self, x: Floats, out: Floats | None = None) -> Floats:
        """`x` (..., channels) mapped, into `out` where it is given."""
        scale, offset, shape = self.scale, self.offset, x.shape
        if out is None and x.ndim > 1 and x.flags.c_contiguous:  # a row of all steps in one go, not one a step
            x, scale, offset = (
                x.reshape(*shape[:-2], shape[-2] * shape[-1]),
                *(np.tile(part, shape[-2]) for part in (scale, offset)),
            )
        mapped = np.multiply(x, scale, out=out)
        mapped += offset
        return mapped.reshape(shape)


class IntegerGraph(Graph):
    """A graph of integers. `as_integers` makes one of a `Graph`; `dataclasses.replace` keeps the type."""

    def format(self, name: str) -> Format:
        """The format of a value or state. Raises `InputError` where `name` is neither."""
        if name in self.values:
            return _known(self.values[name].format, f"value {name}")
        if all(s.name != name for s in self.states):
            raise self._without_format(name)
        return self.state_format(name)

    def state_format(self, name: str) -> Format:
        """The format of a state."""
        return _known(self.state(name).format, f"state {name}")

    def fraction(self, name: str) -> int:
        """Fraction bits of a value, a state, or a constant that is an operand."""
        return self.fractions[name] if name in self.fractions else self.format(name).fraction

    def _without_format(self, name: str) -> InputError:
        if name not in self.constants:
            return InputError(
                f"the graph has no value or state {name!r}", advice="Its names are in .values and .states."
            )
        numbers, bits = self.constants[name], self.fractions.get(name)
        held = f"; {bits} fraction bits" if bits is not None else ""
        return InputError(
            f"{name!r} is a constant, which has no format",
            numbers=f"{numbers.dtype} {numbers.shape}{held}",
            advice=f"Ask for .constants[{name!r}]{'' if bits is None else f' and .fraction({name!r})'}.",
        )

    # --- the host's side -----------------------------------------------------------------------------------

    @property
    def input_map(self) -> HostMap:
        """What the host makes of a sample before it is rounded to integers."""
        return HostMap(self.constants[self.entry.scale], self.constants[self.entry.offset])

    @property
    def output_map(self) -> HostMap:
        """What the host makes of the real values of the result."""
        return HostMap(self.constants[self.answer.scale], self.constants[self.answer.offset])

    @property
    def input_format(self) -> Format:
        """The format of the samples that enter the chip."""
        return self.format(self.entry.out)

    @property
    def output_fraction(self) -> int:
        """Fraction bits of the result."""
        return self.fraction(self.answer.x)

    @property
    def integer_constants(self) -> Mapping[str, Array]:
        """The constants that the chip holds: all but those of the host's maps."""
        host = self.host_arrays
        return {n: c for n, c in self.constants.items() if n not in host}


def as_integers(graph: Graph) -> IntegerGraph:
    """`graph` as an integer graph. Raises `GraphError` where a value or state has no format."""
    if isinstance(graph, IntegerGraph):
        return graph
    for what, items in (("value", graph.values.values()), ("state", graph.states)):
        for item in items:
            _known(item.format, f"{what} {item.name}")
    return IntegerGraph(
        graph.blocks, graph.values, graph.constants, graph.states, graph.time_constants, graph.fractions
    )


def _known(form: Format | None, what: str) -> Format:
    if form is None:
        raise GraphError(f"{what} has no format", advice="This is not an integer graph.")
    return form
