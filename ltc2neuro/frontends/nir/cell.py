"""A NIR graph as a cell: one sample through its nodes, and the states of its neurons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from compiler.graph.names import fresh, primed
from hw_models.errors import InputError
from ltc2neuro.frontends.nir.neurons import NeuronChain
from ltc2neuro.frontends.nir.wiring import BEFORE, NodeWiring
from ltc2neuro.nn.states import Bound

Shape = tuple[int, ...]


@dataclass(frozen=True)
class State:
    """A state of the cell: its name, of which node it is, and its shape in one sample."""

    name: str
    node: str
    shape: Shape
    bound: Bound | None = None


class NIRCell(nn.Module):
    """One sample: y, states = cell(x, states), of (batch, *shape of the input), flat or not; states are flat.

    The states of a node NAME are `NAME.u`, the current, and `NAME.v`, the potential; what a cycle hands on to the next
    sample is `NAME.last`.
    """

    wiring: NodeWiring
    start: str
    end: str
    shape: Shape
    input_size: int
    nodes: nn.ModuleDict
    states: tuple[State, ...]
    state_names: tuple[str, ...]
    state_size: tuple[int, ...]

    def __init__(
        self, wiring: NodeWiring, start: str, end: str, nodes: Mapping[str, nn.Module], shapes: Mapping[str, Shape]
    ) -> None:
        super().__init__()
        self.wiring, self.start, self.end, self.shape = wiring, start, end, shapes[start]
        self.input_size = math.prod(self.shape)
        self.nodes = nn.ModuleDict()
        self._places: dict[str, str] = {}
        for name, node in nodes.items():
            self._places[name] = _attribute(name, self.nodes)
            self.nodes[self._places[name]] = node
        self.states = _states(wiring, nodes, shapes)
        self.state_names = tuple(state.name for state in self.states)
        self.state_size = tuple(math.prod(state.shape) for state in self.states)

    def node(self, name: str) -> nn.Module:
        """The module of a node."""
        return self.nodes[self._places[name]]

    def forward(
        self, x: torch.Tensor, states: torch.Tensor | tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, torch.Tensor | tuple[torch.Tensor, ...]]:
        """Answer and new states of a sample."""
        given = (states,) if isinstance(states, torch.Tensor) else states
        old = {state.name: tensor for state, tensor in zip(self.states, given, strict=True)}
        new: dict[str, torch.Tensor] = {}
        answers = {self.start: x if x.shape[1:] == self.shape else x.unflatten(1, self.shape)}
        for name in self.wiring.kept:
            state = _kept(name, self.node(name))
            shape = next(s.shape for s in self.states if s.name == state)
            answers[name + BEFORE] = old[state].unflatten(1, shape) if len(shape) > 1 else old[state]
        for call in self.wiring.calls:
            total = answers[call.sources[0]]
            for source in call.sources[1:]:
                total = total + answers[source]
            node = self.node(call.node)
            if isinstance(node, NeuronChain):
                names = [f"{call.node}.{name}" for name in node.state_names]
                answer, after = node(total.flatten(1), tuple(old[name] for name in names))
                new.update(zip(names, after, strict=True))
                answers[call.answer] = answer.reshape(total.shape)
            else:
                answers[call.answer] = node(total)
        for name in self.wiring.kept:
            new.setdefault(_kept(name, self.node(name)), answers[name].flatten(1))
        after = tuple(new[state.name] for state in self.states)
        return answers[self.end], after[0] if len(after) == 1 else after

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """Spikes are 0 or 1; potentials and currents follow the input."""
        return [state.bound for state in self.states]

    @property
    def unbounded(self) -> Sequence[str]:
        """The integrators without a leak."""
        return [f"{name}.{of}" for name in self._places for of in getattr(self.node(name), "unbounded", ())]


class PerSample(nn.Module):
    """A graph without neurons: each sample on its own, `y = PerSample(cell)(x)`."""

    def __init__(self, cell: NIRCell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, time, *shape of the input) to (batch, time, *shape of the output)."""
        y, _ = self.cell(x.flatten(0, 1), ())
        return y.unflatten(0, x.shape[:2])


def _states(wiring: NodeWiring, nodes: Mapping[str, nn.Module], shapes: Mapping[str, Shape]) -> tuple[State, ...]:
    states = [
        State(f"{call.node}.{name}", call.node, shapes[call.node])
        for call in wiring.calls
        if isinstance(node := nodes[call.node], NeuronChain)
        for name in node.state_names
    ]
    named = {state.name for state in states}
    for name in wiring.kept:
        spikes = isinstance(node := nodes[name], NeuronChain) and node.spikes
        if (kept := _kept(name, node)) not in named:
            states.append(State(kept, name, shapes[name], (0.0, 1.0) if spikes else None))
    return tuple(states)


def _kept(name: str, node: nn.Module) -> str:
    """The state that holds what a node answered a sample ago: of neurons that do not spike their potential."""
    return f"{name}.v" if isinstance(node, NeuronChain) and not node.spikes else f"{name}.last"


def _attribute(name: str, taken: nn.ModuleDict) -> str:
    """A node's name as torch can hold it."""
    return fresh(primed(name.replace(".", "_") or "_", "_"), dir(taken), [*taken])


def no_fit(name: str, shapes: Sequence[Shape], why: str = "") -> InputError:
    """The error for a node that cannot take what it reads."""
    return InputError(
        "a node of the NIR graph cannot take its input",
        where=f"node {name}",
        numbers=f"it reads {' + '.join(map(str, shapes))}{f': {why}' if why else ''}",
        advice="Shapes are those of one sample, without batch and time.",
    )
