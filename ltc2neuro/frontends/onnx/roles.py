"""Which input of a step is the sample and which are states, and which outputs are the answer and the new states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hw_models.arguments import nearest
from hw_models.errors import InputError
from ltc2neuro.frontends.onnx.ops.graph import RECURRENT, Graph, Node
from ltc2neuro.nn.recurrence import ELAPSED


@dataclass(frozen=True)
class OnnxStep:
    """A graph of one step: its inputs are the sample, the states and, if it takes it, the elapsed time; its outputs
    the answer and the new states."""

    graph: Graph
    states: tuple[str, ...]
    sizes: tuple[int, ...]
    features: int
    elapsed: bool


def step_of(graph: Graph, states: Mapping[str, str], output: str | None) -> OnnxStep:
    """Put the inputs and outputs of `graph` in order. Raises `InputError`."""
    for names, known, what in ((states, graph.inputs, "input"), (states.values(), graph.outputs, "output")):
        for name in names:
            if name not in known:
                raise InputError(
                    f"no {what} {name!r}",
                    numbers=f"{what}s are {', '.join(known)}",
                    advice=f'{nearest(name, known)}Write states={{"h": "h2"}}: the input and the output of each state.',
                )
    rest = [name for name in graph.inputs if name not in states]
    elapsed = [name for name in rest if name in ELAPSED]
    samples = [name for name in rest if name not in elapsed]
    if len(samples) != 1 or len(elapsed) > 1:
        raise InputError(
            "a step takes one sample besides its states",
            numbers=f"it has the inputs {listed(graph, graph.inputs)}; states are {', '.join(states) or 'none'}",
            advice="Say which inputs are states, and which output is each one's new value: states="
            f'{{"h": "h2"}}. The elapsed time is an input named {", ".join(ELAPSED[:-1])} or {ELAPSED[-1]}.',
        )
    if not states:
        raise InputError(
            "the model has neither states nor an axis of time",
            numbers=f"its inputs are {listed(graph, graph.inputs)}",
            advice='Give states={"h": "h2"} of a step; export a model without states for (batch, time, features).',
        )
    if graph.tokens:
        raise InputError(
            "a step takes floats",
            numbers=f"{listed(graph, graph.tokens)} of whole numbers",
            advice="Export what is behind the embedding, and give it the vectors; whole sequences may be tokens.",
        )
    answer = answer_of(graph, states, output)
    features = _size(graph, samples[0], "the sample")
    sizes = tuple(_size(graph, name, "a state") for name in states)
    for (old, new), size in zip(states.items(), sizes, strict=True):
        found = graph.shape(new)
        if found is not None and (len(found) != 2 or found[1] not in (None, size)):
            raise InputError(
                "a state changes its shape from step to step",
                numbers=f"{listed(graph, (old, new))}",
                advice="Name the output that is the new state of this input.",
            )
    ordered = replace(graph, inputs=(samples[0], *states, *elapsed), outputs=(answer, *states.values()))
    return OnnxStep(ordered, tuple(states), sizes, features, bool(elapsed))


def check_sequences(graph: Graph) -> None:
    """Raise `InputError` where inputs of a graph over whole sequences are none."""
    for name in graph.inputs:
        shape = graph.shape(name)
        if (
            shape is None
            or len(shape) < 2
            or not all(shape[2:])
            or (len(shape) == 2 and not shape[1] and name not in graph.tokens)
        ):
            raise InputError(
                "a sequence has the shape (batch, time, ...), what is held over it (batch, features)",
                numbers=listed(graph, (name,)),
                advice="Export the model with fixed sizes after the first two axes.",
            )
    looked_up = {name for node in graph.nodes if isinstance(node, Node) and node.op == "Gather" for name in node.inputs}
    if numbers := [name for name in graph.tokens if name not in looked_up]:
        raise InputError(
            "an input of whole numbers selects no rows of a table",
            numbers=listed(graph, numbers),
            advice="Export the model with floats, if they are not tokens.",
        )
    sources = {name: {name} for name in graph.inputs}
    for node in graph.nodes:
        if isinstance(node, Node) and node.op not in ("Shape", "Size"):
            if first := _from(_starts(node), sources):
                raise InputError(
                    f"the node {node.op} starts from an input of the model",
                    where=node.name,
                    numbers=", ".join(sorted(first)),
                    advice="Leave it out of what is exported: a sequence starts from constants, and net.run(x, "
                    "state=...) gives others.",
                )
            sources |= dict.fromkeys(node.outputs, _from(node.inputs, sources))


def _starts(node: Node) -> Sequence[str]:
    """The first states of a node that runs over time."""
    if node.op in RECURRENT:
        return node.inputs[5:7]
    body = node.body()
    if node.op != "Scan" or body is None:
        return ()
    return node.inputs[: len(node.inputs) - len(body.captured) - node.whole("num_scan_inputs", 1)]


def _from(names: Sequence[str], sources: Mapping[str, set[str]]) -> set[str]:
    """The inputs of a graph that values are computed from."""
    return set[str]().union(*(sources.get(name, ()) for name in names))


def answer_of(graph: Graph, states: Mapping[str, str], output: str | None) -> str:
    """The output that is the answer: the one that is named, the only one besides new states, or the first of these."""
    new = list(states.values())
    others = [name for name in graph.outputs if name not in new]
    if output is not None and output not in graph.outputs:
        raise InputError(f"no output {output!r}", numbers=f"outputs are {', '.join(graph.outputs)}")
    if output is None and len(others) > 1:
        raise InputError(
            "the model has several answers",
            numbers=", ".join(others),
            advice=f"Choose one, output={others[0]!r}, or of whole sequences several, output={others}; or say which of "
            "them are new states. In the shell: --answer, --state.",
        )
    return output or (others[0] if others else new[0])


def _size(graph: Graph, name: str, what: str) -> int:
    shape = graph.shape(name)
    if shape is None or len(shape) != 2 or not shape[1]:
        raise InputError(
            f"{what} of a step has the shape (batch, {'features' if what == 'the sample' else 'size'})",
            numbers=listed(graph, (name,)),
            advice="Export the step of a batch, such as torch.zeros(1, 8), with fixed sizes after the first axis.",
        )
    return shape[1]


def listed(graph: Graph, names: Sequence[str]) -> str:
    """Values with their shapes, for messages."""
    return ", ".join(f"{name} {_text(graph, name)}" for name in names)


def _text(graph: Graph, name: str) -> str:
    shape = graph.shape(name)
    return "of an unknown shape" if shape is None else f"({', '.join('?' if n is None else str(n) for n in shape)})"
