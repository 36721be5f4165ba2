"""The shapes of a NIR graph's nodes: convolutions where images are read, and what is flat between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nir
import numpy as np

from hw_models.arrays import Floats
from ltc2neuro.frontends.nir.convolutions import Convolution, find_convolution
from ltc2neuro.frontends.nir.maps import Map
from ltc2neuro.frontends.nir.wiring import Edge

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LinearWeights:
    """A linear map whose node is chosen when the shape that it reads is known, and its bias."""

    map: Map
    bias: Floats | None = None


Node = nir.NIRNode | LinearWeights


def shaped(
    nodes: Mapping[str, Node], edges: Sequence[Edge], entry: tuple[str, Shape], answer: tuple[str, Shape]
) -> tuple[dict[str, nir.NIRNode], list[Edge]]:
    """The nodes for samples of the shape of the `entry`, and edges with a `Flatten` where a shape is not wanted.

    A node has the shape of what it reads; where that differs, or comes out otherwise round a cycle, it is flat.
    """
    flat: set[str] = set() if len(answer[1]) > 1 else {answer[0]}
    while True:
        made, shapes = _made(nodes, edges, dict([entry]), flat)
        wrong = {
            target
            for source, target in edges
            if target not in flat and not isinstance(nodes[target], LinearWeights) and shapes[source] != shapes[target]
        }
        if not wrong:
            return _flattened(nodes, made, edges, shapes, flat)
        flat |= wrong


def _made(
    nodes: Mapping[str, Node], edges: Sequence[Edge], shapes: dict[str, Shape], flat: set[str]
) -> tuple[dict[str, nir.NIRNode], dict[str, Shape]]:
    """The nodes of shapes that are known, and the shape of what each answers."""
    made = {name: _of_shape(nodes[name], shape) for name, shape in shapes.items()}
    while len(made) < len(nodes):
        for name, node in nodes.items():
            known = [shapes[source] for source, target in edges if target == name and source in shapes]
            if name not in made and known:
                if isinstance(node, LinearWeights):
                    made[name], shapes[name] = _linear(node, known[0])
                else:
                    shapes[name] = (int(np.prod(known[0])),) if name in flat else known[0]
                    made[name] = _of_shape(node, shapes[name])
    return made, shapes


def _of_shape(node: Node, shape: Shape) -> nir.NIRNode:
    """A node that leaves shapes as they are."""
    if isinstance(node, nir.Input):
        return nir.Input({"input": np.array(shape)})
    if isinstance(node, nir.Output):
        return nir.Output({"output": np.array(shape)})
    assert isinstance(node, nir.NIRNode)
    fields = {name: v for name, v in vars(node).items() if isinstance(v, np.ndarray)}
    return type(node)(**{n: np.full(shape, v) if v.size == 1 else v.reshape(shape) for n, v in fields.items()})


def _linear(node: LinearWeights, shape: Shape) -> tuple[nir.NIRNode, Shape]:
    """The node of a linear map, and the shape of what it answers."""
    found = None
    if len(shape) in (2, 3):
        found = find_convolution(node.map, shape[0], shape[1] if len(shape) == 3 else 1, shape[-1])
    if found is not None:
        bias = np.zeros(found.shape) if node.bias is None else node.bias.reshape(found.shape)
        if np.all(bias == bias[:, :1, :1]):
            answer = (found.shape[0], *found.shape[4 - len(shape) :])
            return _convolution(found, bias[:, 0, 0], shape), answer
    matrix = node.map.matrix()
    flat = nir.Linear(matrix) if node.bias is None else nir.Affine(matrix, node.bias)
    return flat, (len(matrix),)


def _convolution(found: Convolution, bias: Floats, shape: Shape) -> nir.NIRNode:
    """The node of a convolution or, where its weights are all alike and mix no channels, of a pooling."""
    axes, window = (found.height, found.width), found.height.kernel * found.width.kernel
    if len(shape) == 2:
        x = found.width
        return nir.Conv1d(x.size, found.weight[:, :, 0], x.stride, x.padding, x.dilation, found.groups, bias)
    each = [found.weight.reshape(-1)[0] == share and np.all(found.weight == share) for share in (1 / window, 1.0)]
    alone = found.groups == shape[0] == found.shape[0] and window > 1 and axes[0].dilation == axes[1].dilation == 1
    stride, padding, dilation = (tuple(getattr(axis, of) for axis in axes) for of in ("stride", "padding", "dilation"))
    if alone and any(each) and not np.any(bias):
        kind = nir.AvgPool2d if each[0] else nir.SumPool2d
        return kind(np.array(found.weight.shape[2:]), np.array(stride), np.array(padding))
    return nir.Conv2d(
        (found.height.size, found.width.size), found.weight, stride, padding, dilation, found.groups, bias
    )


def _flattened(
    nodes: Mapping[str, Node],
    made: dict[str, nir.NIRNode],
    edges: Sequence[Edge],
    shapes: Mapping[str, Shape],
    flat: set[str],
) -> tuple[dict[str, nir.NIRNode], list[Edge]]:
    """Nodes, in their order, and edges with a `Flatten` behind each node of a shape that is read flat."""
    new: list[Edge] = []
    flattens: set[str] = set()
    for source, target in edges:
        reads_flat = target in flat or isinstance(made[target], (nir.Linear, nir.Affine))
        if reads_flat and len(shapes[source]) > 1:
            flattens.add(source)
            new.append((f"{source}.flatten", target))
        else:
            new.append((source, target))
    ordered: dict[str, nir.NIRNode] = {}
    for name in nodes:
        ordered[name] = made[name]
        if not isinstance(made[name], (nir.Input, nir.Linear, nir.Affine)):  # nir knows kernels of equal sides alone
            made[name].output_type = {"output": np.array(shapes[name])}
        if isinstance(made[name], (nir.AvgPool2d, nir.Conv1d, nir.Conv2d, nir.SumPool2d)):
            (read,) = {shapes[source] for source, target in edges if target == name}
            made[name].input_type = {"input": np.array(read)}
        if name in flattens:
            ordered[f"{name}.flatten"] = nir.Flatten({"input": np.array(shapes[name])}, 0, -1)
    return ordered, [*new, *((name, f"{name}.flatten") for name in nodes if name in flattens)]
