"""Matrices beside norms: 8-bit weights that leave too little of what is normed, or is read of it, are split.

A norm divides by how far its features spread: what is small becomes as large as the rest, error included, and in a
recurrence that comes back at every step. What a norm leaves is of one size, and as precise as its matrix lets it be.
How much of their sums 8-bit weights leave is measured on the calibration data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.matrix import places_of
from compiler.graph.ops import Apply, Div, MatVec, Mul, SegmentSum
from compiler.quantize.matrices import best_exponents, patches, round_to_nearest
from compiler.quantize.precision import Precision
from compiler.quantize.row_factors import row_factors
from compiler.ranges.observed import Observed
from hw_models.arrays import Floats

ENOUGH_DB = 54.0
"""What weights must leave of each sum: several matrices, or a recurrence, take up to 9 dB more"""


def coarse_beside_norms(observed: Observed, precision: Precision) -> Mapping[str, float]:
    """The matrices beside norms of whose sums 8-bit weights leave less than enough, by what they compute, and the
    decibels that they leave of the worst."""
    if precision.split_weights or not precision.split_readouts:
        return {}
    graph, found = observed.graph, dict[str, float]()
    norms = _norms(graph)
    read = _made_of(graph, norms)
    for op in (op for _, op in graph.ops() if norms and isinstance(op, MatVec)):
        before = not norms.isdisjoint(_made_of(graph, {op.out}))
        if (before or read.intersection(op.sources)) and "split_weights" not in precision.changes(op.out):
            decibels = _decibels(observed, op, precision, normed=before)
            found |= {op.out: decibels} if decibels < ENOUGH_DB else {}
    return found


def _norms(graph: Graph) -> set[str]:
    """What is divided by what is made of squares, as by a spread; and logarithms of sums of exponentials."""
    squares = {op.out for _, op in graph.ops() if isinstance(op, Mul) and op.a == op.b}
    exponentials = {op.out for _, op in graph.ops() if isinstance(op, Apply) and op.function == "exp"}
    under, summed = _made_of(graph, squares, plain=True), _made_of(graph, exponentials)
    sums = {op.out for _, op in graph.ops() if isinstance(op, SegmentSum) and op.x in summed}
    within = _made_of(graph, sums)
    quotients = {op.out for _, op in graph.ops() if isinstance(op, Div) and op.b in under}
    return quotients | {
        op.out for _, op in graph.ops() if isinstance(op, Apply) and op.function == "log" and op.x in within
    }


def _made_of(graph: Graph, names: set[str], *, plain: bool = False) -> set[str]:
    """These, and what follows from them in the same step without another matrix; where it is `plain`, by no function
    but a root."""
    found = set(names)
    for _, op in graph.ops():
        if op.result is None or isinstance(op, MatVec) or not found.intersection(op.operands):
            continue
        if not (plain and isinstance(op, Apply) and op.function != "sqrt"):
            found.add(op.result)
    return found


def _decibels(observed: Observed, op: MatVec, precision: Precision, *, normed: bool) -> float:
    """What rounded weights leave of the variation of the worst sum; of a sample's sums that are `normed`, over how far
    they spread."""
    graph = observed.graph
    here = replace(precision.at(op.out), calibrated_weights=False)  # what is split holds what the nearest weights leave
    matrix, inputs = graph.constants[op.matrix], patches(observed.samples(op.sources), places_of(graph, op))
    sizes = [graph.size(s) for s in op.sources] if op.places is None else [matrix.shape[1]]
    shifts = best_exponents(matrix, sizes, np.mean(inputs**2, axis=0) + 1e-12)
    factors = row_factors(matrix, sizes, inputs, here)
    grid = np.repeat(2.0 ** np.array(shifts, np.float64), sizes) * 2.0**here.first_weight / factors[:, None]
    wrong = round_to_nearest(matrix * grid, 2**here.first_weight - 1) / grid - matrix
    sums, errors = inputs @ matrix.T, inputs @ wrong.T
    if normed:
        spread = sums.std(axis=1, keepdims=True)
        seen = spread[:, 0] > 0
        sums, errors = sums[seen] / spread[seen], errors[seen] / spread[seen]
    return _worst(np.var(sums, axis=0), np.mean(errors**2, axis=0)) if len(sums) else np.inf


def _worst(signal: Floats, noise: Floats) -> float:
    varies = (signal > 0) & (noise > 0)
    return float(10 * np.log10(np.min(signal[varies] / noise[varies], initial=np.inf)))
