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
from compiler.quantize.floating import Floating
from compiler.quantize.shifted_ops import SHIFTED
from compiler.quantize.shifts import Shifts


def centre_inputs(here: Floating) -> Floating:
    """The host subtracts each channel's middle; the offset is folded into the constants that follow.

    Time spans stay as they are, and channels that each of their readers would have to shift back.
    """
    middle = channel_middles([here.graph.input_map(s) for s in here.observed.sequences])
    if here.timed:
        middle[-1:] = 0.0
    restored: frozenset[str] = frozenset()
    while middle.any():
        shifts = Shifts(here.observed, here.precision.margin, middle, restored)
        new = _swept(shifts)
        useless = shifts.shifted_back - shifts.taken_up
        if useless:
            middle[list(useless)] = 0.0
            restored = frozenset()
        elif shifts.asked <= restored:
            return here.written(new)
        else:
            restored |= shifts.asked
    return here


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
