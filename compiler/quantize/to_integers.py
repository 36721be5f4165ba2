"""`quantize`: from a float graph to a proven integer graph, stage by stage: `STAGES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph
from compiler.quantize.argument_clipping import clip_arguments
from compiler.quantize.centred_inputs import centre_inputs
from compiler.quantize.floating import Floating
from compiler.quantize.formats import choose_formats
from compiler.quantize.gates import shut_gates
from compiler.quantize.precision import Precision
from compiler.quantize.ranged import find_ranges
from compiler.quantize.real_stages import (
    bound,
    extract_rows,
    leave_to_host,
    normalise_quotients,
    scale_inputs,
    split_beside_norms,
    split_readouts,
)
from compiler.quantize.unproven import Unproven, lower
from compiler.ranges import proven
from compiler.ranges.observed import Observed
from compiler.ranges.proven import Proven
from compiler.rewrite.runner import pass_record
from hw_models.arrays import Floats
from hw_models.chip import Chip


def prove_integers(here: Unproven) -> Proven:
    """No value leaves its format, no product or sum its width."""
    return replace(proven.prove(here.graph, here.chip), lowered=here.lowered)


NEAR: tuple[Callable[[Floating], Floating], ...] = (
    split_readouts,
    centre_inputs,
    shut_gates,
    scale_inputs,
    split_beside_norms,
    extract_rows,
    leave_to_host,
    bound,
    clip_arguments,
    normalise_quotients,
)
"""Those that bring the float graph near its integers"""
FROM_REALS = (find_ranges, choose_formats, lower, prove_integers)
"""Those from real numbers to integers"""
STAGES = (*NEAR, *FROM_REALS)
"""In this order. Each is a function of one object, what the stage before returned."""


def quantize(
    graph: Graph, sequences: Sequence[Floats], chip: Chip, precision: Precision, *, timed: bool = False
) -> IntegerGraph:
    """The integer graph of a simplified float `graph`.

    `sequences` are calibration data, each (time, features); where it is `timed`, the last channel is a time span.
    Raises `QuantizeError` where a value cannot be held in the chip's widths.
    """
    near = near_integers(Floating.of(Observed(graph, sequences), precision, chip, timed=timed))
    return to_integers(near).graph


def near_integers(here: Floating) -> Floating:
    """The float graph as ranges are found of it; each stage that wrote another graph is recorded as a pass."""
    for stage in NEAR:
        after = stage(here)
        if after.graph is not here.graph:
            after = replace(after, passes=(*here.passes, pass_record(stage, here.graph, after.graph)))
        here = after
    return here


def to_integers(near: Floating) -> Proven:
    """The proven integer graph of a float graph that is prepared. Raises `QuantizeError`."""
    ranges, formats, integers, proof = FROM_REALS
    return proof(integers(formats(ranges(near))))
