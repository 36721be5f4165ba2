"""A graph of ONNX in our own words: plain data, after reading and before it becomes modules of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.generic]
Attribute: TypeAlias = "int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Array | Graph"
Shape: TypeAlias = tuple["int | None", ...]
"""None is an axis of any length"""
RECURRENT = ("LSTM", "GRU", "RNN")
"""Operators that are a layer over a whole sequence"""


@dataclass(frozen=True)
class Node:
    """One call of an operator. An input that is left out is an empty name.

    A node with a body (`Scan`, `Loop`) has what the body takes from outside as its last inputs.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def whole(self, name: str, default: int) -> int:
        """An attribute that is a whole number."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else default

    def real(self, name: str, default: float) -> float:
        """An attribute that is a real number."""
        value = self.attributes.get(name, default)
        return float(value) if isinstance(value, (int, float)) else default

    def text(self, name: str, default: str) -> str:
        """An attribute that is text."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, str) else default

    def wholes(self, name: str) -> tuple[int, ...] | None:
        """An attribute that is a list of whole numbers; None where it is left out."""
        value = self.attributes.get(name)
        return tuple(v for v in value if isinstance(v, int)) if isinstance(value, tuple) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """An attribute that is a list of words; empty where it is left out."""
        value = self.attributes.get(name)
        return tuple(v for v in value if isinstance(v, str)) if isinstance(value, tuple) else ()

    def body(self) -> Graph | None:
        """The graph that the node runs."""
        value = self.attributes.get("body")
        return value if isinstance(value, Graph) else None


@dataclass(frozen=True)
class Repeat:
    """A block that runs several times: its first inputs, as many as `states`, are set to its outputs each time."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    block: Graph
    times: int
    states: int = 1


@dataclass(frozen=True)
class TokenTable:
    """Tokens, its one input, select rows of its weight (vocabulary, size)."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weight: Array


@dataclass(frozen=True)
class Layer:
    """A recurrent layer of ONNX with its `weights`, W, R and perhaps B; inputs are the sequence and the first states,
    empty where they are 0."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    node: Node
    weights: tuple[Array, ...]


@dataclass(frozen=True)
class Over:
    """A step that runs over a sequence: inputs are the sequence and the first states, outputs the answers and the last
    states. `step` has the sample and the states as inputs, the answer and the new states as outputs."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    step: Graph
    input_axis: int
    output_axis: int


Operation: TypeAlias = "Node | Repeat | TokenTable | Layer | Over"


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of computation.

    `captured` are the last of the `inputs`: what a body takes from the graph around it. `shapes` has what is declared
    or was observed; a value may be missing there.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Operation, ...]
    constants: Mapping[str, Array] = field(default_factory=dict)
    captured: tuple[str, ...] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    double: bool = False
    """whether its inputs are float64"""
    tokens: tuple[str, ...] = ()
    """those of its inputs that are whole numbers"""
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """what the axes of its inputs are called; empty where one has a length or no name"""

    def shape(self, value: str) -> Shape | None:
        """What is known of a value's shape; None where not even its number of axes is."""
        known = self.constants.get(value)
        return known.shape if known is not None else self.shapes.get(value)
