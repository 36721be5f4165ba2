"""Inputs centred: the host subtracts each channel's middle, and the offset is folded into the constants that follow.

A price of 60,000 +- 300 would spend its word, and the errors of the weights that it meets, on 60,000. What is sent is
the +- 300; from there on a value may be *held* as another one to which a constant *shift* is to be added. Linear ops
carry shifts on, constants that are added, compared or maximised with take them up, the output's offset takes what
arrives there. Where neither is possible, as in a product of two values, the shift is added on the chip.
"""

from __future__ import annotations

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Input, MatVec
from compiler.quantize.channel_middles import channel_middles
from compiler.quantize.shifted_ops import SHIFTED
from compiler.quantize.shifts import Shifts
from compiler.ranges.observed import Observed


def with_centred_inputs(observed: Observed, margin: float, *, timed: bool = False) -> Graph:
    """The same function, its input channels centred on the host; the graph itself where that has no use.

    `observed` is the graph with its calibration data; where they are `timed`, the last channel is a time span and
    stays as it is. A channel that each of its readers would have to shift back stays, too.
    """
    graph = observed.graph
    source = graph.entry
    scale, offset = graph.constants[source.scale], graph.constants[source.offset]
    middle = channel_middles([s * scale + offset for s in observed.sequences])
    if timed:
        middle[-1:] = 0.0
    restored: frozenset[str] = frozenset()
    while middle.any():
        shifts = Shifts(observed, margin, middle, restored)
        new = _swept(shifts)
        useless = shifts.shifted_back - shifts.taken_up
        if useless:
            middle[list(useless)] = 0.0
            restored = frozenset()
        elif shifts.asked <= restored:
            return new
        else:
            restored |= shifts.asked
    return graph


def _swept(shifts: Shifts) -> Graph:
    """The graph with its input less its middle. Where a value was `asked` for, it is not whole."""
    draft, held = shifts.draft, shifts.held
    for block in shifts.graph.blocks:
        draft.begin(block)
        for op in block.ops:
            op = op.renamed(draft.current)
            if isinstance(op, (Input, MatVec)) or any(n in held for n in op.operands):
                SHIFTED(op, shifts)
            else:
                shifts.keep(op)
            if op.result in held and op.result in shifts.restored:
                back = held[op.result]
                draft.put(op, Add(op.result, back.name or "", shifts.constant(back.shift, f"{op.result}.middle")))
        draft.end()
    return draft.finish()
