"""Nodes that run over time, or several times, become blocks of their own: `LSTM`, `GRU`, `RNN`, `Scan` and `Loop`.

They take their weights and what their bodies use of the graph around them with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ltc2neuro.frontends.onnx.ops.graph import RECURRENT, Array, Graph, Layer, Node, Operation, Over, Repeat, TokenTable
from ltc2neuro.frontends.onnx.ops.rule import naming, unsupported

MOST_ROUNDS = 1000


def lowered(graph: Graph) -> Graph:
    """What the outputs need, with layers and loops as `Layer`, `Over` and `Repeat`."""
    graph = needed(graph)
    nodes = tuple(_lowered(node, graph) if isinstance(node, Node) else node for node in graph.nodes)
    return needed(replace(graph, nodes=nodes))


def needed(graph: Graph) -> Graph:
    """Without nodes and constants that no output is computed from."""
    wanted, nodes = {*graph.outputs}, []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            nodes.append(node)
            wanted.update(node.inputs)
    constants = {name: array for name, array in graph.constants.items() if name in wanted}
    return replace(graph, nodes=tuple(reversed(nodes)), constants=constants)


def _lowered(node: Node, graph: Graph) -> Operation:
    with naming(node.name):
        if node.op == "Gather" and node.inputs[1] in graph.tokens:
            return _table(node, graph)
        if node.op in RECURRENT:
            return _layer(node, graph)
        if node.op == "Scan":
            return _over(node, graph)
        return _repeat(node, graph) if node.op == "Loop" else node


def _table(node: Node, graph: Graph) -> TokenTable:
    weight = graph.constants.get(node.inputs[0])
    if weight is None or weight.ndim != 2 or weight.dtype.kind != "f" or node.whole("axis", 0):
        raise unsupported(node, "takes elements by tokens", "Tokens select rows of a constant table.")
    return TokenTable(node.name, node.inputs[1:], node.outputs, weight)


def _layer(node: Node, graph: Graph) -> Layer:
    """Of `X, W, R, B, sequence_lens, initial_h, initial_c, P` those that are not weights stay inputs."""
    names = (*node.inputs, *[""] * 8)[:8]
    if names[4]:
        raise unsupported(node, "is given the lengths of the sequences", "Give it whole sequences.")
    if names[7]:
        raise unsupported(node, "has peepholes", "Train it without, or export its step.")
    weights = [_constant(name, graph, node) for name in names[1:4] if name]
    return Layer(node.name, (names[0], names[5], names[6]), node.outputs, node, tuple(weights))


def _constant(name: str, graph: Graph, node: Node) -> Array:
    array = graph.constants.get(name)
    if array is None:
        raise unsupported(node, "has weights that are computed", "Export the model with constant folding.")
    return array


def _with_captured(body: Graph, graph: Graph) -> Graph:
    """The body, with the constants around it that it uses. What is computed there stays captured."""
    known = {name: graph.constants[name] for name in body.captured if name in graph.constants}
    kept = tuple(name for name in body.captured if name not in known)
    declared = body.inputs[: len(body.inputs) - len(body.captured)]
    return lowered(replace(body, inputs=(*declared, *kept), captured=kept, constants={**body.constants, **known}))


def _over(node: Node, graph: Graph) -> Over:
    body = node.body()
    if body is None:
        raise unsupported(node, "has no body")
    own = node.inputs[: len(node.inputs) - len(body.captured)]
    if node.whole("num_scan_inputs", 1) != 1:
        raise unsupported(node, "goes through several sequences", "Let it read one, with all features.")
    if any((*(node.wholes("scan_input_directions") or ()), *(node.wholes("scan_output_directions") or ()))):
        raise unsupported(node, "reads a sequence from its end", "A chip answers sample by sample.")
    states = len(own) - 1
    used = {name for other in graph.nodes for name in other.inputs} | {*graph.outputs}
    answers = [n for n in range(states, len(node.outputs)) if node.outputs[n] in used]
    if len(answers) > 1:
        raise unsupported(
            node, "has several answers that are used", "Let it answer with one vector, or choose output=."
        )
    answer = answers[0] if answers else 0
    body = replace(body, outputs=(body.outputs[answer], *body.outputs[:states]))
    body = _with_captured(body, graph)
    if body.captured:
        raise unsupported(
            node, f"takes from outside what is computed there: {body.captured[0]}", "Give it as one more feature."
        )
    body = replace(body, inputs=(body.inputs[states], *body.inputs[:states]))
    return Over(
        node.name,
        (own[-1], *own[:-1]),
        (node.outputs[answer] if answers else "", *node.outputs[:states]),
        body,
        input_axis=(node.wholes("scan_input_axes") or (0,))[0],
        output_axis=(node.wholes("scan_output_axes") or (0,) * len(node.outputs))[max(answer - states, 0)],
    )


def _repeat(node: Node, graph: Graph) -> Repeat:
    """A loop with a fixed number of rounds, which hands on its states alone."""
    body = node.body()
    if body is None:
        raise unsupported(node, "has no body")
    own = node.inputs[: len(node.inputs) - len(body.captured)]
    times = graph.constants.get(own[0])
    states = len(own) - 2
    if times is None or times.size != 1 or not 0 < times.item() <= MOST_ROUNDS or len(body.outputs) != states + 1:
        raise unsupported(
            node,
            "runs a number of times that is computed, or is large, or it collects values",
            f"Let it run from 1 to {MOST_ROUNDS} times, and hand on its states alone.",
        )
    for condition in (graph.constants.get(own[1]) if own[1] else True, _condition(body)):
        if condition is None or not bool(condition):
            raise unsupported(node, "ends by a condition", "A chip's program has a fixed number of steps.")
    number, going, *before = body.inputs[: states + 2]
    block = _with_captured(replace(body, outputs=body.outputs[1:]), graph)
    if {number, going}.intersection(_read(block.nodes), block.outputs):
        raise unsupported(node, "counts its rounds", "A repeated block does the same in each.")
    block = replace(block, inputs=(*before, *block.captured))
    return Repeat(node.name, (*own[2:], *block.captured), node.outputs, block, int(times.item()), states)


def _condition(body: Graph) -> Array | bool | None:
    """What a loop's body says of going on: that it does where it hands on what it is given."""
    name = body.outputs[0]
    made = {output: node for node in body.nodes for output in node.outputs}
    while isinstance(node := made.get(name), Node) and node.op == "Identity":
        name = node.inputs[0]
    return True if name == body.inputs[1] else body.constants.get(name)


def _read(nodes: Iterable[Operation]) -> set[str]:
    return {name for node in nodes for name in node.inputs}
