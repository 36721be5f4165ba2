"""The integer graph: a `Graph` of which every value and state has a format, and what is asked of one most often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.graph.graph import Graph
from hw_models.arrays import Array
from hw_models.errors import GraphError, InputError
from hw_models.fixed_point import Format


@dataclass(frozen=True)
class IntegerGraph(Graph):
    """A graph of integers. `as_integers` makes one of a `Graph`; `dataclasses.replace` keeps the type.

    Its constants are what the chip holds, all integers: those of the host's maps, `input_map` and `output_map`, are
    apart from them.
    """

    host: Mapping[str, Array] = field(default_factory=dict)
    """the arrays of the host's maps, by the names that input and output have for them"""

    @property
    def host_arrays(self) -> Mapping[str, Array]:
        """Those of the host's maps at input and output."""
        return self.host

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
    def input_format(self) -> Format:
        """The format of the samples that enter the chip."""
        return self.format(self.entry.out)

    @property
    def output_fraction(self) -> int:
        """Fraction bits of the result."""
        return self.fraction(self.answer.x)


def as_integers(graph: Graph) -> IntegerGraph:
    """`graph` as an integer graph. Raises `GraphError` where a value or state has no format."""
    if isinstance(graph, IntegerGraph):
        return graph
    for what, items in (("value", graph.values.values()), ("state", graph.states)):
        for item in items:
            _known(item.format, f"{what} {item.name}")
    host = graph.host_arrays
    held = {n: c for n, c in graph.constants.items() if n not in host}
    return IntegerGraph(graph.blocks, graph.values, held, graph.states, graph.time_constants, graph.fractions, host)


def _known(form: Format | None, what: str) -> Format:
    if form is None:
        raise GraphError(f"{what} has no format", advice="This is not an integer graph.")
    return form
