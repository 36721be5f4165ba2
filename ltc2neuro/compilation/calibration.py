"""What a calibration cannot tell: channels that never vary, a single sample, nothing but zeros."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Graph
from compiler.graph.ops import Gather, MatVec
from hw_models.arrays import Floats, slices_of

MOST_NAMED = 8
"""How many channels a warning names"""


@dataclass(frozen=True)
class Channels:
    """The channels of an input."""

    timed: bool = False
    """whether the last is the time before each sample"""
    unread: frozenset[int] = frozenset()
    """those that need no range"""
    called: Callable[[int], str] = "{}".format


def warn_of_poor_calibration(
    sequences: Sequence[Floats], channels: Channels, *, stacklevel: int, resolved: float = 0.0, own: str = ""
) -> None:
    """Warn of the channels of which these sequences (time, channels) show no range, or too little, with their numbers.

    What varies by no more than `resolved` of itself, the model's `own` type does not tell apart.
    """
    low, high = np.min([s.min(axis=0) for s in sequences], axis=0), np.max([s.max(axis=0) for s in sequences], axis=0)
    lost = (low < high) & (high - low <= resolved * np.maximum(np.abs(low), np.abs(high)))
    features, called = low.size - channels.timed, channels.called
    still = np.where(np.arange(low.size) < features, low == high, (low == high) | lost)
    found = _problems(low, still, sum(len(s) for s in sequences), channels)
    flat = [i for i in np.flatnonzero(lost[:features]).tolist() if i not in channels.unread]
    if flat:
        named = ", ".join(f"{called(i)} ({low[i]:.12g} to {high[i]:.12g})" for i in flat[:MOST_NAMED])
        warnings.warn(
            f"input channel{'s' if flat[1:] else ''} {named}{_more(flat)} of {features} "
            f"{'vary' if flat[1:] else 'varies'} too little for {own}, the model's own type, to tell it apart: torch "
            "sees a constant there, the network what varies. Give differences from an offset, or model.double().",
            stacklevel=stacklevel + 1,
        )
    if found:
        warnings.warn(
            f"the calibration is poor: {'; '.join(found)}. Ranges come from it, and what lies beyond them is clipped: "
            "give data like those that the network will meet.",
            stacklevel=stacklevel + 1,
        )


def unread_channels(graph: Graph) -> frozenset[int]:
    """The input's channels that nothing of a traced graph reads."""
    source = graph.entry
    read = np.zeros(graph.size(source.out), bool)
    for _, op in graph.ops():
        if source.out not in op.operands:
            continue
        if not isinstance(op, (Gather, MatVec)) or (isinstance(op, MatVec) and op.places is not None):
            return frozenset()
        for name, own in zip(op.operands, slices_of(map(graph.size, op.operands)), strict=True):
            if name == source.out and isinstance(op, MatVec):
                read |= np.any(graph.constants[op.matrix][:, own] != 0, axis=0)
            elif name == source.out and isinstance(op, Gather):
                read |= np.isin(np.arange(own.start, own.stop), graph.constants[op.index])
    return frozenset(np.flatnonzero(~read).tolist())


def _problems(low: Floats, constant: npt.NDArray[np.bool_], samples: int, channels: Channels) -> list[str]:
    features = low.size - channels.timed
    still = np.array([i for i in np.flatnonzero(constant[:features]).tolist() if i not in channels.unread], np.int64)
    found = []
    if samples == 1:
        found.append("it is one sample only, so that no channel varies")
    elif still.size == features and not low[:features].any():
        found.append("all of it is 0")
    elif still.size:
        named = ", ".join(f"{channels.called(i)} (always {low[i]:.6g})" for i in still[:MOST_NAMED])
        word = "channel" if still.size == 1 else "channels"
        verb = "varies" if still.size == 1 else "vary"
        found.append(f"input {word} {named}{_more(still)} of {features} never {verb}")
    if channels.timed and samples > 1 and constant[-1]:
        found.append(f"all its time spans are {low[-1]:.6g}")
    return found


def _more(named: Sized) -> str:
    return f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
