"""Inputs centred without microcode: the host subtracts what never comes near 0, and biases add it back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph.draft import Draft, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Input, Op
from compiler.quantize.channel_middles import channel_middles
from compiler.rewrite.rescale import with_scaled_inputs
from hw_models.arrays import Floats

APART = 8.0
"""How many times wider than another a channel may be."""


def centre(graph: Graph, sequences: Sequence[Floats], *, timed: bool = False) -> Graph:
    """The same function; an input channel farther from 0 than it varies is sent less its calibrated middle.

    Channels of very different ranges are brought to one: they share the weights' bits.

    `sequences` are calibration data, each (time, features); where it is `timed`, the last channel is a time span and
    stays as it is.
    """
    sent = [graph.input_map(s) for s in sequences]
    low, high = np.min([s.min(axis=0) for s in sent], axis=0), np.max([s.max(axis=0) for s in sent], axis=0)
    middle = channel_middles(sent)
    middle = np.where(np.abs(middle) > (high - low) / 2, middle, 0.0)
    if timed:
        middle[-1] = 0.0
    reach = np.maximum(np.abs(low - middle), np.abs(high - middle))
    reach = np.where(reach > 0.0, reach, 1.0)
    if not middle.any() and reach.max() <= APART * reach.min():
        return graph

    def less(draft: Draft, op: Op) -> Op | None:
        if not isinstance(op, Input):
            return None
        offset = draft.constant(reals(draft, op.offset) - middle, op.offset)
        name = draft.emit(lambda out: Input(out, op.scale, offset), f"{op.out}.centred", op.out)
        return Add(op.out, name, draft.constant(middle, f"{op.out}.middle"))

    return with_scaled_inputs(rewrite(graph, less) if middle.any() else graph, reach)
