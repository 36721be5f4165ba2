"""Where a state stays, read off a step's graph: a new state that is a mean of the old one and of values in an interval.

Three forms of means are known: what `a + z (b - a)` and `(1 - z) a + z b` are for z from 0 to 1, and the quotient of a
semi-implicit solver, `(k v + sum of w e) / (k + sum of w)` with w >= 0. Weights are those of now, trained on or not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from ltc2neuro.frontends.onnx.ops import RULES
from ltc2neuro.frontends.onnx.ops.graph import Graph, Node, Repeat
from ltc2neuro.frontends.onnx.ops.rule import numbers
from ltc2neuro.frontends.onnx.roles import OnnxStep

Hull: TypeAlias = tuple[Tensor, Tensor]

_MOST_TERMS, _MOST_FACTORS = 1000, 4

_POSITIVE = ("Sigmoid", "Softplus", "Relu", "Exp", "Abs")
_KEEP_SIGN = ("ReduceSum", "Unsqueeze")
_WITHIN = {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0), "HardSigmoid": (0.0, 1.0), "Softsign": (-1.0, 1.0)}


def state_bounds(step: OnnxStep, constants: Mapping[str, Tensor]) -> list[Hull | None]:
    """For each state the ends of an interval, or None where nothing is proven."""
    return [_bound(step, constants, number) for number in range(1, len(step.states) + 1)]


def _bound(step: OnnxStep, constants: Mapping[str, Tensor], number: int) -> Hull | None:
    graph = step.graph
    old, new = graph.inputs[number], graph.outputs[number]
    nodes = [node for node in graph.nodes if isinstance(node, Node)]
    for loop in graph.nodes:
        if isinstance(loop, Repeat) and loop.outputs == (new,) and loop.inputs[0] == old:
            if loop.inputs != loop.block.inputs:
                return None
            nodes += [node for node in loop.block.nodes if isinstance(node, Node)]
            new = loop.block.outputs[0]
    positive = graph.inputs[-1:] if step.elapsed else ()
    found = _Means(graph, nodes, old, positive, _values(nodes, constants)).means.get(new)
    size = step.sizes[number - 1]
    if found is None or any(end.numel() not in (1, size) or not end.isfinite().all() for end in found):
        return None
    return found[0].reshape(-1), found[1].reshape(-1)


def _values(nodes: Sequence[Node], constants: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The constants, and what is computed from them alone; in float64."""
    values = {name: c.detach().double() if c.is_floating_point() else c for name, c in constants.items()}
    for node in nodes:
        if node.body() is None and node.inputs and all(name in values for name in node.inputs):
            result = RULES[node.op](node, *(values[name] for name in node.inputs))
            values |= zip(node.outputs, result if isinstance(result, tuple) else (result,), strict=False)
    return values


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


_ONE = _scalar(1.0)
_EMPTY = (_scalar(math.inf), _scalar(-math.inf))


def _join(hulls: Sequence[Hull]) -> Hull:
    """The smallest interval that holds all."""
    low, high = _EMPTY
    for hull in hulls:
        low, high = torch.minimum(low, hull[0]), torch.maximum(high, hull[1])
    return low, high


class _Means:
    """What is known of the values of a step, node after node: `old` is the state, `known` are constants.

    `within` has the interval that a value never leaves, `means` that of which, with the old state, it is a mean;
    `positive` are never negative, and `amplitudes` are the products of constant factors.
    """

    def __init__(
        self, graph: Graph, nodes: Sequence[Node], old: str, positive: Sequence[str], known: Mapping[str, Tensor]
    ) -> None:
        self.graph, self.old, self.known = graph, old, known
        self.made = {name: node for node in nodes for name in node.outputs}
        self.within: dict[str, Hull] = {name: (value, value) for name, value in known.items()}
        self.means: dict[str, Hull] = {old: _EMPTY, **self.within}
        self.positive = {*positive, *(name for name, value in known.items() if bool((value >= 0).all()))}
        self.amplitudes = dict(known)
        for node in nodes:
            if len(node.outputs) == 1 and node.outputs[0] not in known:
                self._follow(node, node.outputs[0])

    def _follow(self, node: Node, name: str) -> None:
        inputs = node.inputs
        inside = self._interval(node)
        mean = self._mean(node) or inside
        if inside is not None:
            self.within[name] = inside
        if mean is not None:
            self.means[name] = mean
        kept = inputs if node.op in ("Mul", "Add", "Div") else inputs[:1] if node.op in _KEEP_SIGN else ()
        if node.op in _POSITIVE or (kept and self.positive.issuperset(kept)):
            self.positive.add(name)
        if node.op == "Mul":
            a, b = (self.amplitudes.get(i, _ONE) for i in inputs)
            self.amplitudes[name] = a * b

    def _interval(self, node: Node) -> Hull | None:
        if node.op in _WITHIN:
            low, high = _WITHIN[node.op]
            return _scalar(low), _scalar(high)
        parts = [self.within.get(i) for i in node.inputs]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        if node.op == "Concat":
            low, high = _join(known)
            return low.min(), high.max()
        if node.op == "Mul":
            ends = torch.stack(torch.broadcast_tensors(*(x * y for x in known[0] for y in known[1])))
            return ends.amin(0), ends.amax(0)
        if node.op == "Add":
            return self._weighed(node, self.within) or (known[0][0] + known[1][0], known[0][1] + known[1][1])
        return (known[0][0] - known[1][1], known[0][1] - known[1][0]) if node.op == "Sub" else None

    def _mean(self, node: Node) -> Hull | None:
        if node.op == "Add":
            return self._weighed(node, self.means)
        return self._quotient(node) if node.op == "Div" else None

    def _weighed(self, node: Node, hulls: Mapping[str, Hull]) -> Hull | None:
        """`a + z (b - a)`, where z may be a product of numbers from 0 to 1, or `(1 - z) a + z b`."""
        for one, other in (node.inputs, node.inputs[::-1]):
            factors = self._factors(one)
            for name in factors:
                difference = self.made.get(name)
                if difference is None or difference.op != "Sub" or difference.inputs[1] != other:
                    continue
                if all(self._fraction(z) for z in factors if z != name):
                    return _all(hulls, difference.inputs)
            for z, a in self._products(one):
                for rest, b in self._products(other):
                    if self._fraction(z) and (self._complement(rest, z) or self._complement(z, rest)):
                        return _all(hulls, (a, b))
        return None

    def _factors(self, name: str) -> list[str]:
        """Those of a product of a few."""
        found = [name]
        for _ in range(_MOST_FACTORS):
            products = [self._products(factor) for factor in found]
            found = [part for name, ab in zip(found, products, strict=True) for part in (ab[0] if ab else (name,))]
            if not any(products) or len(found) > _MOST_FACTORS:
                break
        return found

    def _products(self, name: str) -> list[tuple[str, str]]:
        """The two factors of a product, in either order."""
        node = self.made.get(name)
        if node is None or node.op != "Mul":
            return []
        a, b = node.inputs
        return [(a, b), (b, a)]

    def _fraction(self, name: str) -> bool:
        """Whether a value is always from 0 to 1."""
        hull = self.within.get(name)
        return hull is not None and bool((hull[0] >= 0).all() and (hull[1] <= 1).all())

    def _complement(self, name: str, of: str) -> bool:
        """Whether `name` is 1 - `of`."""
        node = self.made.get(name)
        if node is None or node.op != "Sub" or node.inputs[1] != of:
            return False
        one = self.known.get(node.inputs[0])
        return one is not None and bool((one == 1).all())

    # --- the quotient ------------------------------------------------------------------------------------

    def _quotient(self, node: Node) -> Hull | None:
        """Weights are the terms below: the constant ones are those of the state, and of what is constant above."""
        above, below = (self._addends(name) for name in node.inputs)
        weights = [name for name in below if name not in self.known]
        if not self.positive.issuperset(weights):
            return None
        total = sum((self.known[name] for name in below if name in self.known), _scalar(0.0))
        own, fixed = _scalar(0.0), _scalar(0.0)
        hulls: list[Hull] = []
        for name in above:
            of_old = next((weight for weight, other in self._products(name) if other == self.old), None)
            if name in self.known:
                fixed = fixed + self.known[name]
            elif of_old is not None and of_old in self.known:
                own = own + self.known[of_old]
            elif of_old in weights:
                weights.remove(of_old)
            else:
                pair = next(((w, hull) for w in weights if (hull := self._values_of(name, w)) is not None), None)
                if pair is None:
                    return None
                weights.remove(pair[0])
                hulls.append(pair[1])
        rest = total - own
        if bool((own < 0).any() or (rest < 0).any() or ((rest == 0) & (fixed != 0)).any()):
            return None
        leak = torch.where(rest > 0, fixed / rest, 0.0)
        return _join([*hulls, (leak, leak), *([(_scalar(0.0), _scalar(0.0))] if weights else [])])

    def _addends(self, name: str) -> list[str]:
        """The terms of a sum; of one of very many only itself."""
        found, todo = [], [name]
        while todo:
            node = self.made.get(todo[-1])
            term = todo.pop()
            if term in self.known or node is None or node.op != "Add":
                found.append(term)
            else:
                todo += node.inputs
            if len(found) > _MOST_TERMS or len(todo) > _MOST_TERMS:
                return [name]
        return found

    def _values_of(self, name: str, weight: str) -> Hull | None:
        """The values e of a sum of w e, where `weight` is the same sum of w: those that some weight reaches."""
        top, bottom = self.made.get(name), self.made.get(weight)
        if top is None or bottom is None or top.op != bottom.op or top.op != "ReduceSum":
            return next((self.within[e] for w, e in self._products(name) if w == weight and e in self.within), None)
        if top.attributes != bottom.attributes or top.inputs[1:] != bottom.inputs[1:]:
            return None
        value = next((e for w, e in self._products(top.inputs[0]) if w == bottom.inputs[0] and e in self.known), None)
        axis = self._axis(bottom)
        if value is None or axis is None:
            return None
        live, e = torch.broadcast_tensors(self.amplitudes.get(bottom.inputs[0], _ONE) != 0, self.known[value])
        if e.dim() < -axis:
            return None
        low, high = (torch.where(live, e, end) for end in _EMPTY)
        return low.amin(axis), high.amax(axis)

    def _axis(self, node: Node) -> int | None:
        """The one axis that is summed over, counted from the end: constants lack the batch's."""
        summed, *given = node.inputs
        axes, shape = (self.known.get(given[0]) if given else None), self.graph.shape(summed)
        if axes is None or axes.numel() != 1 or node.whole("keepdims", 1):
            return None
        (axis,) = numbers(axes) or [0]
        if axis >= 0:
            return None if shape is None else axis - len(shape)
        return axis


def _all(hulls: Mapping[str, Hull], names: Sequence[str]) -> Hull | None:
    found = [hulls[name] for name in names if name in hulls]
    return _join(found) if len(found) == len(names) else None
