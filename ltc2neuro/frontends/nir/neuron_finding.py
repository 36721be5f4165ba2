"""Where the neurons of a float graph are: states that keep a part of themselves, and what resets them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Apply, Compare, Div, Elementwise, Max, Min, Mul, Relation, Select, StateRead, StateWrite
from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.frontends.nir.sums import AffineSum, AffineSums


@dataclass(frozen=True)
class Neuron:
    """A state that becomes keep * state + drive, and where that is above a `threshold`, `reset`."""

    state: str
    potential: str
    """the value that is its new state before any reset"""
    keep: Floats
    drive: AffineSum
    threshold: Floats | None = None
    reset: Floats | None = None


@dataclass(frozen=True)
class FoundNeurons:
    """The neurons of a graph, by their potentials: these are whole in `sums`."""

    sums: AffineSums
    neurons: Mapping[str, Neuron]
    before: Mapping[str, Neuron | str]
    """of each read of a state: the neuron, or the value that is handed on to the next sample"""


def find(graph: Graph) -> FoundNeurons:
    """The neurons of a graph. Raises `InputError` for states that no neuron of NIR has."""
    reads = {op.out: op.state for _, op in graph.ops() if isinstance(op, StateRead)}
    writes = {op.state: op.x for _, op in graph.ops() if isinstance(op, StateWrite) and op.state in reads.values()}
    resets = {state: _reset(AffineSums(graph), x) for state, x in writes.items()}
    whole = {reset.potential for reset in resets.values()}
    while True:  # what is handed on may itself be a part of a potential: then that is looked at again
        found = _sorted_out(AffineSums(graph, frozenset(whole)), reads, resets)
        others = {value for value in found.before.values() if isinstance(value, str)} & whole
        if not others:
            return found
        whole -= others


def _sorted_out(sums: AffineSums, reads: Mapping[str, str], resets: Mapping[str, _NeuronReset]) -> FoundNeurons:
    """Which states are neurons, and which hand on a value."""
    graph = sums.graph
    neurons: dict[str, Neuron] = {}
    before: dict[str, Neuron | str] = {}
    for state, reset in resets.items():
        own = {name for name, of in reads.items() if of == state}
        if np.any(graph.constants[graph.state(state).initial]):
            raise refusal(graph, reset.potential, "NIR's neurons start at 0", f"the state {state} does not")
        new = sums.opened(reset.potential)
        if own & set(new.parts):
            keep = sum((new.parts[name] for name in own if name in new.parts), np.zeros(1))
            drive = AffineSum({name: by for name, by in new.parts.items() if name not in own}, new.rest)
            _check_subtraction(sums, drive, own | {reset.potential})
            neuron = Neuron(state, reset.potential, keep, drive, _threshold(sums, reset), reset.value)
            neurons[reset.potential] = neuron
            before |= dict.fromkeys(own, neuron)
        else:
            before |= dict.fromkeys(own, reset.written)
    return FoundNeurons(sums, neurons, before)


@dataclass(frozen=True)
class _NeuronReset:
    """What is written to a state: `potential`, and `value` where `fires`."""

    written: str
    potential: str
    fires: str | None = None
    value: Floats | None = None


def _reset(sums: AffineSums, name: str) -> _NeuronReset:
    """How a written value is reset: by what makes it a constant where it is true, in whatever form that is written."""
    graph = sums.graph
    for fires in _elementwise(graph, name):
        if isinstance(graph.makers.get(fires), Compare):
            value, kept = (AffineSums(graph, known={fires: known}).opened(name) for known in (1.0, 0.0))
            if not value.parts and kept.parts:
                for potential in _elementwise(graph, fires):
                    if sums.opened(potential) == kept:
                        return _NeuronReset(name, potential, fires, value.rest)
    return _NeuronReset(name, name)


def _elementwise(graph: Graph, name: str) -> Iterator[str]:
    """The values that a value is made of element by element, itself first."""
    todo, met = [name], {name}
    while todo:
        value = todo.pop(0)
        yield value
        op = graph.makers.get(value)
        new = [x for x in op.operands if x not in met] if isinstance(op, Elementwise) else []
        met.update(new)
        todo += new


def _threshold(sums: AffineSums, reset: _NeuronReset) -> Floats | None:
    """The threshold of what fires."""
    if reset.fires is None:
        return None
    above = excess(sums, reset.fires)
    if above is None or set(above.parts) != {reset.potential} or not np.all(above.parts[reset.potential] > 0):
        raise refusal(
            sums.graph,
            reset.potential,
            "NIR's neurons are reset where their potential is above a number",
            "not this one",
        )
    return -above.rest / above.parts[reset.potential]


def excess(sums: AffineSums, name: str) -> AffineSum | None:
    """What must be above 0 for a comparison to be true; None of other values. Where 0 is enough, a little more is."""
    op = sums.graph.makers.get(name)
    if not isinstance(op, Compare) or op.relation is Relation.EQUAL:
        return None
    above = sums.of(op.b) - sums.of(op.a)
    if op.relation is Relation.LESS:
        return above
    return AffineSum(above.parts, -np.nextafter(-above.rest.astype(np.float32), np.float32(-np.inf)).astype(np.float64))


def _check_subtraction(sums: AffineSums, drive: AffineSum, own: set[str]) -> None:
    """Refuse a potential from which something is subtracted where it was above a threshold."""
    for name in drive.parts:
        above = excess(sums, name)
        if above is not None and own & set(above.parts):
            raise refusal(
                sums.graph,
                name,
                "NIR cannot express a reset by subtraction",
                "its neurons are set to a value where they spike",
                "Train the model with a reset to zero.",
            )


UNSAID: OpTable[[], str] = OpTable("what NIR has not")
UNSAID.otherwise("NIR has nothing for this")
UNSAID.on(Apply)(lambda op: f"NIR has no element functions, such as {op.function}")
UNSAID.on(Mul, Div)(lambda op: "NIR has no products and quotients of values")
UNSAID.on(Min, Max)(lambda op: "NIR has no minimum and maximum, and no ReLU")
UNSAID.on(Select)(lambda op: "NIR has no choice between values, nor a neuron's potential after its reset")


def refusal(graph: Graph, name: str, what: str, numbers: str, advice: str = "") -> InputError:
    """The error for a value of a graph that NIR cannot say."""
    value = graph.values[name]
    where = ", ".join((*value.modules[:1], *value.lines[:1])) or name
    return InputError(what, where=where, numbers=numbers, advice=advice or HAS)


HAS = (
    "NIR has spiking and leaky neurons, and linear maps between them. ONNX holds any model: "
    "net.to_onnx(path, graph='float')."
)
