"""From the neurons of a float graph to the nodes and edges of a NIR graph."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import nir
import numpy as np

from compiler.graph import Graph
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Gather, Linear, MatVec
from hw_models.arrays import Floats, slices_of
from ltc2neuro.frontends.nir.kinds import STATEFUL
from ltc2neuro.frontends.nir.maps import Map, map_of
from ltc2neuro.frontends.nir.nesting import nested
from ltc2neuro.frontends.nir.neuron_finding import UNSAID, FoundNeurons, Neuron, excess, refusal
from ltc2neuro.frontends.nir.shaping import LinearWeights, Node, shaped
from ltc2neuro.frontends.nir.sums import AffineSum, AffineSums
from ltc2neuro.frontends.nir.wiring import BEFORE, Edge, NodeWiring, wire

INPUT, OUTPUT = "input", "output"
OWN = "cell.nodes."
"""Where the nodes of a module are that `from_nir` made"""


class Drawing:
    """The nodes and edges so far. What a node reads is drawn when the node is: from the output backwards."""

    found: FoundNeurons
    sums: AffineSums
    graph: Graph
    dt: float

    def __init__(self, found: FoundNeurons, dt: float) -> None:
        self.sums, self.graph, self.found, self.dt = found.sums, found.sums.graph, found, dt
        self.nodes: dict[str, Node] = {}
        self.names: set[str] = {INPUT, OUTPUT}
        self.edges: list[Edge] = []
        self.late: set[Edge] = set()
        self.drawn: dict[str, str] = {}
        """the node of each neuron's potential, and of each threshold"""
        self.delayed: dict[str, str] = {}
        """the delay of each value that has one"""

    # --- nodes ---------------------------------------------------------------------------------------------

    def named(self, *wishes: str) -> str:
        """A name that no node has yet."""
        wished = [wish.replace("/", ".") for wish in wishes if wish]  # a slash would be a folder of the file
        name = fresh(chain(wished, numbered(wished[-1])), self.names)
        self.names.add(name)
        return name

    def neuron(self, neuron: Neuron) -> str:
        """The node of a neuron, drawn with all that it reads when it is first met."""
        if neuron.potential not in self.drawn:
            kind = "li" if neuron.threshold is None else "lif"
            name = self.named(neuron.state.rpartition(".")[0] or kind, neuron.state)
            self.drawn[neuron.potential] = name
            self.nodes[name] = self._neuron(name, neuron)
        return self.drawn[neuron.potential]

    def _neuron(self, name: str, neuron: Neuron) -> nir.NIRNode:
        keep, ones = neuron.keep, np.ones(neuron.keep.shape)
        spiking = {} if neuron.threshold is None else {"v_threshold": neuron.threshold, "v_reset": neuron.reset}
        if np.all(keep == 1):
            rest = self.feed(name, neuron.drive)
            self._bias(name, rest, neuron)
            return (nir.IF if spiking else nir.I)(r=ones / self.dt, **spiking)
        tau = self._time_constant(neuron)
        synapse = self._synapse(neuron)
        if synapse is not None:
            part = 1 - synapse.keep
            self._bias(name, self.feed(name, synapse.drive), synapse)
            gain = next(iter(neuron.drive.parts.values())) / (1 - keep)
            return (nir.CubaLIF if spiking else nir.CubaLI)(
                tau_syn=self._time_constant(synapse),
                tau_mem=tau,
                r=gain,
                v_leak=neuron.drive.rest / (1 - keep),
                w_in=1 / part,
                **spiking,
            )
        gain = 1 / (1 - keep)
        factors = [*neuron.drive.parts.values()]
        alike = bool(factors) and all(np.all(f) and np.array_equal(f, factors[0]) for f in factors)
        if alike and not any(self._is_linear(part) for part in neuron.drive.parts):
            gain, r = 1 / factors[0], gain * factors[0]
        else:  # r goes to the weights: readers there are that do not know it
            r = ones
        rest = self._left(name, self.feed(name, neuron.drive * gain)) * r
        return (nir.LIF if spiking else nir.LI)(tau=tau, r=r, v_leak=rest, **spiking)

    def _is_linear(self, part: str) -> bool:
        return isinstance(self.graph.makers.get(part), Linear)

    def _time_constant(self, neuron: Neuron) -> Floats:
        if np.any(neuron.keep < 0) or np.any(neuron.keep >= 1):
            worst = neuron.keep[np.argmax(np.abs(neuron.keep - 0.5))]
            raise refusal(
                self.graph,
                neuron.potential,
                "NIR's neurons keep between none and all of their potential, and all of a node leak or none",
                f"the state {neuron.state} keeps {worst:g} of itself",
            )
        return self.dt / (1 - neuron.keep)

    def _synapse(self, neuron: Neuron) -> Neuron | None:
        """The leaky current that alone drives a neuron."""
        parts = list(neuron.drive.parts)
        current = self.found.neurons.get(parts[0]) if len(parts) == 1 else None
        if current is None or current.threshold is not None or np.any(current.keep >= 1) or current is neuron:
            return None
        constant = np.any(current.drive.rest) and not any(map(self._is_linear, current.drive.parts))
        return None if constant else current

    def answer(self) -> None:
        """The input and the output, and with it all that the output depends on."""
        op = self.graph.answer
        self.nodes[INPUT] = nir.Input({"input": np.array([self.graph.size(self.graph.entry.out)])})
        self.nodes[OUTPUT] = nir.Output({"output": np.array([self.graph.size(op.x)])})
        host = self.graph.output_map
        total = self.sums.of(op.x) * host.scale
        rest = self._left(OUTPUT, self.feed(OUTPUT, total) + host.offset)
        if np.any(rest):
            name, one = self.named("offset"), np.arange(rest.size)
            self.nodes[name] = LinearWeights(Map(one, one, np.ones(rest.size), (rest.size, rest.size)), rest)
            self.edges = [(a, name if b == OUTPUT else b) for a, b in self.edges] + [(name, OUTPUT)]
            self.late = {(a, name if b == OUTPUT else b) for a, b in self.late}

    # --- edges ---------------------------------------------------------------------------------------------

    def feed(self, target: str, total: AffineSum, late: bool = False) -> Floats:
        """Draw what a node reads, and return the constant that is left."""
        rest = total.rest
        for part, by in total.parts.items():
            before = self.found.before.get(part)
            op = self.graph.makers[part]
            if isinstance(before, str):
                self._handed_on(target, before, by, late)
            elif isinstance(op, Linear):
                rest = rest + self._linear(target, part, by, late)
            else:
                self._join(target, self._source(part), by, late or before is not None)
        return rest

    def _handed_on(self, target: str, value: str, by: Floats, late: bool) -> None:
        """What was there a sample ago: late edges from neurons, or a delay of what is a sum of more."""
        total = self.sums.of(value)
        plain = not any(self._is_linear(part) or part in self.found.before for part in total.parts)
        if plain and not late and not np.any(total.rest):
            self.feed(target, total * by, late=True)
            return
        if value not in self.delayed:
            name = self.delayed[value] = self.named(f"{value}.last")
            self.nodes[name] = self._delay()
            if np.any(self._left(name, self.feed(name, total))):
                raise refusal(self.graph, value, "NIR has no constant input", "a sum that is handed on has one")
        self._join(target, self.delayed[value], by, late)

    def _delay(self) -> nir.NIRNode:
        return nir.Delay(np.array(self.dt))

    def _linear(self, target: str, part: str, by: Floats, late: bool) -> Floats:
        """Nodes of a linear op, one for each part of what it reads; returns what it makes of constants."""
        op = self.graph.makers[part]
        assert isinstance(op, Linear)
        name = op.matrix.split("*")[-1].removesuffix(".weight").removeprefix(OWN) if isinstance(op, MatVec) else part
        return self._parts(target, name, map_of(op, self.graph).scaled(by, np.ones(1)), op.operands, late)

    def _parts(self, target: str, name: str, linear: Map, sources: Sequence[str], late: bool) -> Floats:
        rest = np.zeros(linear.shape[0])
        for source, own in zip(sources, slices_of(map(self.graph.size, sources)), strict=True):
            total, size, block = self.sums.of(source), self.graph.size(source), linear.part(own)
            rest = rest + block(total.rest)
            for inner, factor in total.parts.items():
                inside, chosen = block.scaled(np.ones(1), factor), self.graph.makers[inner]
                if isinstance(chosen, Gather):
                    width = sum(self.graph.size(value) for value in chosen.sources)
                    inside = inside.of_chosen(self.graph.constants[chosen.index], width)
                    rest = rest + self._parts(target, name, inside, chosen.sources, late)
                elif inside.values.size:
                    node = self.named(name)
                    self.nodes[node] = LinearWeights(inside)
                    self._edge(node, target)
                    rest = rest + inside(self.feed(node, AffineSum({inner: np.ones(size)}, np.zeros(size)), late))
        return rest

    def _source(self, part: str) -> str:
        """The node whose answer a value is."""
        op, before = self.graph.makers[part], self.found.before.get(part)
        if part == self.graph.entry.out:
            return INPUT
        neuron = self.found.neurons.get(part, before if isinstance(before, Neuron) else None)
        if neuron is not None:
            if neuron.threshold is not None:
                raise refusal(self.graph, part, "NIR hands on the spikes of a neuron, not its potential", neuron.state)
            return self.neuron(neuron)
        if part in self.drawn:
            return self.drawn[part]
        above = excess(self.sums, part)
        if above is None:
            raise refusal(self.graph, part, UNSAID(op), type(op).__name__)
        return self._spikes(part, above)

    def _spikes(self, part: str, above: AffineSum) -> str:
        """The node that spikes where a sum is above 0: a neuron, or a threshold of its own."""
        only = next(iter(above.parts), "")
        neuron = self.found.neurons.get(only) if len(above.parts) == 1 else None
        if neuron is not None and neuron.threshold is not None:
            if not np.allclose(-above.rest / above.parts[only], neuron.threshold, rtol=1e-9, atol=0):
                raise refusal(self.graph, part, "NIR's neurons are reset where they spike", "two thresholds")
            return self.neuron(neuron)
        name = self.drawn[part] = self.named(part)
        self.nodes[name] = nir.Threshold(-self.feed(name, above))
        return name

    def _join(self, target: str, source: str, by: Floats, late: bool) -> None:
        """An edge, with a factor on its way where there is one."""
        if not np.all(by == 1) or (source, target) in self.edges:
            name = self.named(f"{source}.scale")
            self.nodes[name] = nir.Scale(by)
            self._edge(name, target)
            target = name
        self._edge(source, target, late)

    def _edge(self, source: str, target: str, late: bool = False) -> None:
        self.edges.append((source, target))
        if late:
            self.late.add((source, target))

    def _left(self, target: str, rest: Floats) -> Floats:
        """A constant that a node reads goes to the weights before it as their bias; else it is left."""
        weights = [a for a, b in self.edges if b == target and isinstance(self.nodes.get(a), LinearWeights)]
        weights.sort(key=lambda name: any((a, b) in self.late for a, b in self.edges if b == name))
        if not weights or not np.any(rest):
            return rest
        node = self.nodes[weights[0]]
        assert isinstance(node, LinearWeights)
        self.nodes[weights[0]] = LinearWeights(node.map, rest)
        return np.zeros(rest.shape)

    def _bias(self, target: str, rest: Floats, neuron: Neuron) -> None:
        if np.any(self._left(target, rest)):
            raise refusal(
                self.graph,
                neuron.potential,
                "NIR has no constant input",
                f"the state {neuron.state} has one and no weights",
            )

    # --- the whole -----------------------------------------------------------------------------------------

    def finished(self, shape: Sequence[int], answer: Sequence[int]) -> nir.NIRGraph:
        """The graph, of samples and answers of these shapes, its nodes in the order in which a sample meets them.

        Where what a reader takes for a sample ago, the edges that close cycles, is not what is, it has delays.
        """
        wiring = self._wired()
        kept = {name + BEFORE for name in wiring.kept}
        taken = {(s.removesuffix(BEFORE), call.node) for call in wiring.calls for s in call.sources if s in kept}
        if {edge for edge in taken if not isinstance(self.nodes[edge[1]], nir.Delay)} != self.late:
            behind = {source: self.named(f"{source}.last") for source, _ in sorted(self.late)}
            self.nodes |= {name: self._delay() for name in behind.values()}
            self.edges = [(behind[a], b) if (a, b) in self.late else (a, b) for a, b in self.edges]
            self.edges += behind.items()
            wiring = self._wired()
        order = dict.fromkeys([INPUT, *(call.node for call in wiring.calls)])
        drawn = {name: self.nodes[name] for name in order}
        nodes, edges = nested(*shaped(drawn, self.edges, (INPUT, tuple(shape)), (OUTPUT, tuple(answer))), INPUT)
        return nir.NIRGraph(nodes, edges, metadata={"reset": "value"}, type_check=False)

    def _wired(self) -> NodeWiring:
        delays = {name for name, node in self.nodes.items() if isinstance(node, nir.Delay)}
        stateful = {name for name, node in self.nodes.items() if isinstance(node, STATEFUL)}
        return wire([*self.nodes], self.edges, (INPUT, OUTPUT), stateful.__contains__, delays)
