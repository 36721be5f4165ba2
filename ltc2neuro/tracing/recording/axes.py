"""Labels: which batch row and which time step each element of a traced tensor belongs to.

A traced tensor carries, besides example data, an int64 tensor of *codes*: `label * 2^32 + element`. The element counts
within the vector that one sample gives the graph; the label is the (row, step) it belongs to. Views, slices and
permutations run on the codes with torch's own functions, so no movement is re-implemented here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from hw_models.arrays import Integers
from ltc2neuro.tracing.recording.unrecorded import unrecorded

ROWS = 2
"""batch rows of a trace: fewer would hide what mixes rows"""
STEPS = 3
"""time steps of a trace: fewer would hide what mixes steps"""
LAST = STEPS - 1
NOW = STEPS
"""the step of what is computed inside one step of a recurrent layer"""
HELD = NOW + 1
"""the step of what has none: it is the same at all"""

_ELEMENT_BITS = 32
_STRIDE = STEPS + 2


def label(row: int, step: int) -> int:
    """The label of a row and a step (0 to 2, `NOW` or `HELD`)."""
    return row * _STRIDE + step


@unrecorded
def rows_and_steps(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows and the steps that labels stand for."""
    return labels // _STRIDE, labels % _STRIDE


@unrecorded
def labelled(rows: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """The labels of rows and steps."""
    return rows * _STRIDE + steps


@unrecorded
def is_held(codes: torch.Tensor) -> bool:
    """Whether a tensor has no steps, and is the same at all."""
    return codes.numel() > 0 and bool((labels_of(codes).numpy() % _STRIDE == HELD).all())


@unrecorded
def differences(codes: torch.Tensor) -> tuple[tuple[bool, bool], ...]:
    """Whether rows, and whether steps, differ along each axis of a tensor."""
    return _differences(labels_of(codes).contiguous().numpy().tobytes(), codes.shape)


@lru_cache(64)
def _differences(labels: bytes, shape: tuple[int, ...]) -> tuple[tuple[bool, bool], ...]:
    """Most tensors of a model have the labels of others."""
    rows, steps = np.divmod(np.frombuffer(labels, np.int64).reshape(shape), _STRIDE)
    along = [[np.moveaxis(kind, axis, 0) for kind in (rows, steps)] for axis in range(len(shape))]
    return tuple((bool(np.any(r != r[:1])), bool(np.any(s != s[:1]))) for r, s in along)


@unrecorded
def common(labels: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """The labels of what is computed element by element: what is held is at the steps of the others.

    None where rows or steps differ.
    """
    if all(torch.equal(own, labels[0]) for own in labels[1:]):
        return labels[0]
    stepped = [own for own in labels if not bool((rows_and_steps(own)[1] == HELD).all())]
    first = (stepped or labels)[0]
    rows, _ = rows_and_steps(first)
    others = [own for own in labels if not torch.equal(own, first)]
    fits = (bool((steps == HELD).all()) and torch.equal(own, rows) for own, steps in map(rows_and_steps, others))
    return first if all(fits) else None


@unrecorded
def labels_of(codes: torch.Tensor) -> torch.Tensor:
    """The label of each element."""
    return codes >> _ELEMENT_BITS


@unrecorded
def elements_of(codes: torch.Tensor) -> torch.Tensor:
    """The element of one sample's vector that each element is."""
    return codes & ((1 << _ELEMENT_BITS) - 1)


@unrecorded
def encode(labels: torch.Tensor, elements: torch.Tensor) -> torch.Tensor:
    """Codes from labels and elements."""
    return (labels << _ELEMENT_BITS) + elements


@unrecorded
def batch_labels(step: int) -> torch.Tensor:
    """Labels (rows) of one step."""
    return torch.tensor([label(row, step) for row in range(ROWS)])


@unrecorded
def sequence_labels(time_first: bool) -> torch.Tensor:
    """Labels of a whole sequence: (rows, steps), or (steps, rows) where time is first."""
    labels = torch.tensor([[label(row, step) for step in range(STEPS)] for row in range(ROWS)])
    return labels.T.contiguous() if time_first else labels


@unrecorded
def spread_labels(labels: torch.Tensor, shape: tuple[int, ...] | torch.Size) -> torch.Tensor:
    """Labels of the leading axes, repeated over the others up to `shape`."""
    return labels.reshape(labels.shape + (1,) * (len(shape) - labels.dim())).expand(shape)


@unrecorded
def starts_with(codes: torch.Tensor, labels: torch.Tensor) -> bool:
    """Whether the leading axes of `codes` carry just these labels."""
    return codes.shape[: labels.dim()] == labels.shape and torch.equal(
        labels_of(codes), spread_labels(labels, codes.shape)
    )


@dataclass(frozen=True)
class LabelGroups:
    """Flat positions of a tensor's elements by label.

    `positions` is (labels, elements of one sample), labels rising; `rank` gives each flat position its place there.
    """

    positions: Integers
    rank: Integers
    names: Integers

    @property
    def size(self) -> int:
        """Elements of one sample."""
        return self.positions.shape[1]

    def ranks(self, shape: tuple[int, ...] | torch.Size) -> torch.Tensor:
        """The ranks in the shape of the tensor."""
        return torch.from_numpy(self.rank).reshape(shape)


@unrecorded
def group(labels: torch.Tensor) -> LabelGroups | None:
    """The groups of a tensor's labels; None where they differ in size."""
    return _group(labels.contiguous().numpy().tobytes())


@lru_cache(64)
def _group(labels: bytes) -> LabelGroups | None:
    """Most tensors of a model have the labels of others."""
    flat = np.frombuffer(labels, np.int64)
    names, counts = np.unique(flat, return_counts=True)
    if len(names) == 0 or np.any(counts != counts[0]):
        return None
    positions = np.argsort(flat, kind="stable").reshape(len(names), -1)
    rank = np.empty(flat.size, np.int64)
    rank[positions] = np.arange(positions.shape[1])
    return LabelGroups(positions, rank, names)


@unrecorded
def sample(codes: torch.Tensor, groups: LabelGroups) -> Integers:
    """The elements of one sample, in order: those of the first label."""
    return elements_of(codes).reshape(-1).numpy()[groups.positions[0]]


@unrecorded
def ranks(labels: torch.Tensor) -> torch.Tensor:
    """The place of each element among those of its label."""
    groups = group(labels)
    return torch.zeros_like(labels) if groups is None else groups.ranks(labels.shape)


SINGLE_ROWS = "it takes single rows out of the batch"


@unrecorded
def axes_problem(codes: torch.Tensor, *, first: bool = False) -> str | None:
    """What is wrong with a tensor's rows and steps, in words; None where all is well.

    All rows must be there, with every step or the last one only, or the `first`, in their order, and each with the
    same elements.
    """
    if codes.numel() == 0:
        return None
    groups = group(labels_of(codes))
    present = set((np.unique(labels_of(codes).numpy()) if groups is None else groups.names).tolist())
    steps = {name % _STRIDE for name in present}
    if steps not in ({NOW}, {LAST}, {HELD}, set(range(STEPS)), {0} if first else {NOW}):
        return f"it takes step {', '.join(map(str, sorted(steps)))} out of {STEPS}"
    if len(present) != ROWS * len(steps):
        return SINGLE_ROWS
    if groups is None:
        return "its rows or steps differ in their number of elements"
    elements = elements_of(codes).reshape(-1).numpy()[groups.positions]
    if np.any(elements != elements[0]):
        return "it treats one row or step differently from another"
    starts = groups.positions[:, 0].reshape(ROWS, len(steps))
    if np.any(np.diff(starts, axis=0) <= 0):
        return "it changes the order of the batch's rows"
    if np.any(np.diff(starts, axis=1) <= 0):
        return "it changes the order of the time steps"
    return None


@dataclass(frozen=True)
class TensorLayout:
    """A tensor that answers at `every` step, at the last or the `first` one, its leading axes being rows and steps or
    rows."""

    every: bool
    time_first: bool
    first: bool = False

    @property
    def readout(self) -> str:
        """As `READOUTS` has it."""
        return "every" if self.every else "first" if self.first else "last"

    def sample(self, codes: torch.Tensor) -> torch.Tensor:
        """The elements of one sample, in the shape of one answer."""
        return elements_of(codes[0, 0] if self.every else codes[0])


def answer(codes: torch.Tensor) -> Integers:
    """The elements of one sample in a tensor that has a layout, in order."""
    found = layout(codes)
    assert found is not None
    return found.sample(codes).reshape(-1).numpy()


@unrecorded
def layout(codes: torch.Tensor) -> TensorLayout | None:
    """The layout of a tensor; None where its leading axes are something else."""
    return _layout(labels_of(codes).contiguous().numpy().tobytes(), codes.shape)


@lru_cache(64)
def _layout(labels: bytes, shape: tuple[int, ...]) -> TensorLayout | None:
    """Most tensors of a model have the labels of others."""
    codes = encode(
        torch.from_numpy(np.frombuffer(labels, np.int64).reshape(shape).copy()), torch.zeros((), dtype=torch.int64)
    )
    for time_first in (False, True):
        if starts_with(codes, sequence_labels(time_first)):
            return TensorLayout(True, time_first)
    if starts_with(codes, batch_labels(0)):
        return TensorLayout(False, False, first=True)
    last = any(starts_with(codes, batch_labels(step)) for step in (LAST, HELD))
    return TensorLayout(False, False) if last else None
