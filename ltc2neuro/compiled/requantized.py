"""A network quantized again: at another precision, or as one from a file does not hold what it was rounded from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TypeVar

import numpy as np

from compiler.graph.graph import Graph
from compiler.quantize.floating import Floating
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import STAGES, near_integers, to_integers
from ltc2neuro.compiled.record import KnownAnswer, Record
from ltc2neuro.compiled.tuned_constants import TUNE, additive, was_tuned
from ltc2neuro.inputs.arrays import Sequences

R = TypeVar("R", bound=Record)

AGAIN = (
    "a file does not hold what its constants were rounded from: this is the network quantized again, on {what}{but}. "
    "Its integers are others; give the calibration that it was compiled with to have those of the file"
)


def requantized(record: R, calibration: Sequences, precision: Precision) -> R:
    """The network at that precision. Raises `QuantizeError` where it does not fit the chip.

    Its integers are others, so that the answer to its known sequence is not known.
    """
    observed = record.observed(record.float_graph, calibration)
    near = near_integers(Floating.of(observed, precision, record.chip, timed=record.timed))
    stages = {TUNE, *(stage.__name__ for stage in STAGES)}
    passes = (*(p for p in record.passes if p.name not in stages), *near.passes)
    known = KnownAnswer.unanswered(record.known.x)
    return replace(record, proven=to_integers(near), precision=precision, passes=passes, known=known)


def with_origin(record: R, calibration: Sequences, what: str) -> tuple[R, str]:
    """The network, knowing what its integers were rounded from, and what is to be said of it; nothing of the same one.

    One that was read from a file is quantized again on `calibration`, `what` in words. Where the integers are the
    same, but for what was tuned, those of the file come from there too.
    """
    if record.proven.lowered is not None:
        return record, ""
    again, tuned = requantized(record, calibration, record.precision), was_tuned(record)
    if _same(record.graph, again.graph, additive(record.graph) if tuned else ()):
        return replace(record, proven=replace(record.proven, lowered=again.proven.lowered)), ""
    return again, AGAIN.format(what=what, but=", and not tuned" if tuned else "")


def _same(one: Graph, other: Graph, but: Collection[str]) -> bool:
    """Whether two integer graphs compute the same integers in the same way, `but` for some constants."""
    held, wanted = ({**graph.constants, **graph.host_arrays} for graph in (one, other))
    return (
        one.blocks == other.blocks
        and {n: v.format for n, v in one.values.items()} == {n: v.format for n, v in other.values.items()}
        and held.keys() == wanted.keys()
        and all(n in but or np.array_equal(array, wanted[n]) for n, array in held.items())
    )
