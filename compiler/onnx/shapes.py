"""How samples and answers in the model's units lie: batch or time first, and which inputs and answers there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import onnx
from onnx import helper

from compiler.onnx.nodes import Nodes, type_of
from compiler.onnx.readouts import READOUTS, latest
from hw_models.arrays import slices_of

FLOAT64 = np.dtype(np.float64)
TIMESPANS = "timespans"
LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class TensorShape:
    """An input or an answer: its name, and the shape that one has for a row.

    `once`: it is there once a sequence, as an input that holds for all of it, or an answer; that is `over` all steps
    what `READOUTS` has, with what is `added` to it, or over the `latest` so many; "" keeps each of these.
    """

    name: str
    shape: tuple[int, ...]
    once: bool = False
    tables: tuple[tuple[tuple[int, ...], np.ndarray], ...] | None = None
    """of tokens: the rows (vocabulary, size) that those at some places of a sample select; none may be"""
    over: str = "last"
    latest: int = 0
    added: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


@dataclass(frozen=True)
class Entered:
    """The tensor of samples (batch, *axes, channels); the model's inputs that it is made of, and outputs that tell of
    its making."""

    x: str
    inputs: list[onnx.ValueInfoProto]
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)


@dataclass(frozen=True)
class Shapes:
    """Of a model that takes real samples and gives real answers, both of type `reals`."""

    inputs: tuple[TensorShape, ...]
    answers: tuple[TensorShape, ...]
    reals: np.dtype = FLOAT64
    timed: bool = False
    """whether the time before each sample is given, too"""
    time_first: bool = False
    answers_time_first: bool = False
    order: tuple[int, ...] = ()
    """which of the inputs' channels, tokens looked up, each of the graph's is, where these lie otherwise"""

    @property
    def ends(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What inputs and answers are called."""
        return tuple(part.name for part in self.inputs), tuple(part.name for part in self.answers)

    def enter(self, nodes: Nodes, axes: tuple[str, ...]) -> Entered:
        """Samples (batch, *axes, channels), the time before each in the last channel."""
        order = ["batch", *axes]
        order = order[::-1] if self.time_first else order
        inputs, joined = list[onnx.ValueInfoProto](), list[str]()
        for part in self.inputs:
            own = ["batch"] if part.once else order
            kind = self.reals if part.tables is None else np.dtype(np.int64)
            inputs.append(helper.make_tensor_value_info(part.name, type_of(kind), [*own, *part.shape]))
            x = part.name if len(part.shape) == 1 else self._flat(nodes, part.name, part.name, len(own), part.size)
            joined.append(x if part.tables is None else self._looked_up(nodes, x, part, len(own)))
        if axes:
            along = next(x for x, part in zip(joined, self.inputs, strict=True) if not part.once)
            joined = [
                self._held(nodes, x, along) if part.once else x for x, part in zip(joined, self.inputs, strict=True)
            ]
        if self.order:
            apart, ordered = nodes.shared.name("x.apart"), nodes.shared.name("x.ordered")
            nodes.standard("Concat", joined, [apart], axis=-1)
            nodes.standard("Gather", [apart, nodes.constant("x.order", self.order, np.int64)], [ordered], axis=-1)
            joined = [ordered]
        if self.timed:
            timespans = nodes.shared.name(TIMESPANS)
            inputs.append(self._info(timespans, *order))
            last = nodes.constant("last axis", [-1], np.int64)
            joined.append(nodes.shared.name(f"{TIMESPANS}.column"))
            nodes.standard("Unsqueeze", [timespans, last], [joined[-1]])
        x = joined[0]
        if joined[1:]:
            x = nodes.shared.name("x.timed" if self.timed and not joined[2:] else "x.joined")
            nodes.standard("Concat", joined, [x], axis=-1)
        return Entered(nodes.turned(x, "x.turned", 3) if self.time_first and axes else x, inputs)

    def _held(self, nodes: Nodes, x: str, along: str) -> str:
        """An input (batch, size) at every step of the samples `along`, in their order of axes."""
        axis = nodes.constant("held axis", [0 if self.time_first else 1], np.int64)
        row, steps, size, held = (nodes.shared.name(f"{x}.{what}") for what in ("row", "steps", "size", "held"))
        nodes.standard("Unsqueeze", [x, axis], [row])
        nodes.standard("Shape", [along], [steps], start=0, end=2)
        nodes.standard("Concat", [steps, nodes.constant("one", [1], np.int64)], [size], axis=0)
        nodes.standard("Expand", [row, size], [held])
        return held

    def _looked_up(self, nodes: Nodes, x: str, part: TensorShape, axes: int) -> str:
        """Flat tokens, behind that many `axes`, as the rows that they select."""
        found, tokens = [], nodes.shared.name(f"{part.name}.tokens")
        # a runtime counts what is negative from the end of the table: without the sign it is beyond it
        nodes.standard("BitwiseAnd", [x, nodes.constant("unsigned", [LARGEST], np.int64)], [tokens])
        for number, (places, rows) in enumerate(part.tables or ()):
            name = f"{part.name}.table{number}"
            own, chosen = (nodes.shared.name(f"{name}.{what}") for what in ("tokens", "rows"))
            nodes.standard("Gather", [tokens, nodes.constant(f"{name}.places", list(places), np.int64)], [own], axis=-1)
            nodes.standard("Gather", [nodes.constant(name, rows, self.reals), own], [chosen], axis=0)
            found.append(self._flat(nodes, chosen, name, axes, len(places) * rows.shape[1]))
        joined = nodes.shared.name(f"{part.name}.rows")
        nodes.standard("Concat", found, [joined], axis=-1)
        return joined

    @staticmethod
    def _flat(nodes: Nodes, x: str, name: str, axes: int, size: int) -> str:
        """`x` with one axis of that size behind its first `axes`."""
        wanted = nodes.constant(f"{name}.flat shape", [*(0 for _ in range(axes)), size], np.int64)
        flat = nodes.shared.name(f"{name}.flat")
        nodes.standard("Reshape", [x, wanted], [flat])
        return flat

    def leave(self, nodes: Nodes, flat: str, axes: tuple[str, ...], names: Sequence[str]) -> list[onnx.ValueInfoProto]:
        """The outputs of the model, by these names, from its answers (batch, *axes, size of all)."""
        if len(self.answers) == 1:
            return [self._answer(nodes, flat, axes, self.answers[0], names[0])]
        found, last = list[onnx.ValueInfoProto](), nodes.constant("last axis", [-1], np.int64)
        places = slices_of(part.size for part in self.answers)
        for part, name, at in zip(self.answers, names, places, strict=True):
            borders = [nodes.constant(f"{name}.{what}", [n], np.int64) for what, n in
                       (("start", at.start), ("stop", at.stop))]  # fmt: skip
            own = nodes.shared.name(f"{name}.part")
            nodes.standard("Slice", [flat, *borders, last], [own])
            found.append(self._answer(nodes, own, axes, part, name))
        return found

    def _answer(
        self, nodes: Nodes, flat: str, axes: tuple[str, ...], part: TensorShape, name: str
    ) -> onnx.ValueInfoProto:
        if part.once and axes:
            axes = () if part.over else (f"latest {part.latest}",)
            if part.latest:
                whole, flat = flat, nodes.shared.name(f"{name}.latest")
                latest(nodes, whole, flat, part.latest)
            if part.over:
                whole, flat = flat, nodes.shared.name(f"{name}.{part.over}")
                READOUTS[part.over](nodes, whole, flat, self.reals)
            if part.added:
                alone, flat = flat, nodes.shared.name(f"{name}.whole")
                nodes.standard("Add", [alone, nodes.constant(f"{name}.added", part.added, self.reals)], [flat])
        order = ["batch", *axes]
        if self.answers_time_first and axes:
            flat, order = nodes.turned(flat, f"{name}.turned", 3), order[::-1]
        wanted = nodes.constant(f"{name}.shape", [*(0 for _ in order), *part.shape], np.int64)
        nodes.standard("Reshape", [flat, wanted], [name])
        return self._info(name, *order, *part.shape)

    def _info(self, name: str, *axes: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, type_of(self.reals), axes)
