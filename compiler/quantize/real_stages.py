"""The stages that bring a float graph near its integers: in units that fit words, in forms that keep their precision.

Each takes a `Floating` and returns one. Those that write another graph are passes, and recorded as such.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.graph.matrix import places_of
from compiler.graph.ops import Div, MatVec
from compiler.quantize import normed, readouts
from compiler.quantize.floating import Floating
from compiler.quantize.matrices import patches
from compiler.quantize.row_factors import row_factors
from compiler.ranges.real_intervals import find_bounds, input_margin
from compiler.rewrite import extract_row_scales, rescale
from compiler.rewrite.fold_host_affine import fold_before_output
from compiler.rewrite.runner import pass_record
from hw_models.arrays import Floats


def split_readouts(here: Floating) -> Floating:
    """Matrices that read the states of conductances get a second one for the rounding error of their weights."""
    return replace(here, precision=readouts.with_split_readouts(here.graph, here.precision))


def scale_inputs(here: Floating) -> Floating:
    """The host brings each channel to +-1; the constants that meet it are multiplied."""
    entry = here.graph.entry
    seen = here.observed.interval(entry.out, input_margin(here.precision.margin))
    largest = np.maximum(np.abs(seen.low), np.abs(seen.high))
    return here.written(rescale.with_scaled_inputs(here.graph, np.where(largest > 0, largest, 1.0)))


def split_beside_norms(here: Floating) -> Floating:
    """Matrices beside norms get a second one, too, where the weights of one leave too little of their sums."""
    found = normed.coarse_beside_norms(here.observed, here.precision)
    if not found:
        return here
    left = ", ".join(f"{name} {decibels:.1f} dB" for name, decibels in found.items())
    note = f"weights are split in two, as 8 bits would leave of these sums beside norms: {left}"
    record = replace(pass_record(split_beside_norms, here.graph, here.graph), note=note)
    precision = readouts.with_split_weights(here.precision, found)
    return replace(here, precision=precision, passes=(*here.passes, record))


def extract_rows(here: Floating) -> Floating:
    """M x -> (M / s) x * s: each row uses the whole range of the synapses' weights."""
    graph, observed = here.graph, here.observed

    def factors(op: MatVec, matrix: Floats) -> Floats:
        inputs = patches(observed.samples(op.sources), places_of(graph, op))
        sizes = [graph.size(s) for s in op.sources] if op.places is None else [matrix.shape[1]]
        return row_factors(matrix, sizes, inputs, here.precision.at(op.out))

    return here.written(extract_row_scales(graph, factors))


def leave_to_host(here: Floating) -> Floating:
    """Factors of rows that only the host reads are the host's: each output channel fills its word."""
    return here.written(fold_before_output(here.graph)) if here.precision.whole_products else here


def bound(here: Floating) -> Floating:
    """What each value can be, in the units that it now has: where arguments are clipped, and quotients normalised."""
    return replace(here, bounds=find_bounds(here.graph, here.observed, here.precision.margin))


def normalise_quotients(here: Floating) -> Floating:
    """Numerator and denominator are scaled, element by element, so that the denominator is at most 1."""
    upper = {op.b: here.bounds[op.b].high for _, op in here.graph.ops() if isinstance(op, Div)}
    return here.written(rescale.with_normalised_quotients(here.graph, upper))
