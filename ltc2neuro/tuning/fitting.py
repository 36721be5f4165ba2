"""As much of what was learned as the proof allows that everything fits the chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from compiler.graph.integers import IntegerGraph
from compiler.ranges.integer_spans import find_spans
from compiler.ranges.proven import Proven, prove
from hw_models.arrays import Integers
from hw_models.chip import Chip
from hw_models.errors import GraphError, QuantizeError

MOST_TRIALS = 12
"""How often less is changed, where the proof does not hold with what was learned"""


def fitting(proven: Proven, found: Mapping[str, Integers], chip: Chip) -> Proven:
    """The network with the constants `found`, all that it computes proven to fit.

    Elements with which a value could leave its format stay as they were; where that is not what does not fit, all
    changes are halved.
    """
    graph = proven.graph
    change = {n: c - graph.constants[n].astype(np.int64) for n, c in found.items()}
    for _ in range(MOST_TRIALS):
        made = replace(graph, constants={**graph.constants, **{n: graph.constants[n] + d for n, d in change.items()}})
        try:
            return replace(prove(made, chip), lowered=proven.lowered)
        except (GraphError, QuantizeError):
            beyond = _beyond(made)
        kept = {n: np.where(beyond.get(d.size, False), 0, d) for n, d in change.items()}
        same = all(np.array_equal(kept[n], d) for n, d in change.items())
        change = {n: np.rint(d / 2).astype(np.int64) for n, d in change.items()} if same else kept
    return proven


def _beyond(graph: IntegerGraph) -> dict[int, npt.NDArray[np.bool_]]:
    """Of values of each size, the elements of which one can leave its format."""
    found = dict[int, npt.NDArray[np.bool_]]()
    try:
        spans = find_spans(graph)
    except GraphError:
        return found
    for name, value in graph.values.items():
        form, span = graph.format(name), spans[name]
        outside = np.broadcast_to((span.low < form.low) | (span.high > form.high), (value.size,))
        if not outside.all():  # else it tells nothing of elements
            found[value.size] = found.get(value.size, np.zeros(value.size, bool)) | outside
    return found
