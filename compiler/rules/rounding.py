"""What rounding one state costs the outputs: whether a state that is too coarse or too slow is one that matters."""

from __future__ import annotations

import numpy as np

from compiler.interpreters.execution import prepare
from compiler.interpreters.float64 import KERNELS
from compiler.rules.design import Design

STEPS = 64
"""Samples that are looked at."""
TOLERANCE = 1e-3
"""The part of an output that rounding may change: about 60 dB."""


def loss(design: Design, state: str, one_lsb: float) -> float:
    """How far the outputs move, at most of any output, when only `state` is rounded after each sample.

    Root mean square of the difference, relative to that of the output, on the first of the sequences.
    """
    program, host = prepare(design.real, KERNELS), design.real.output_map
    x = design.sequences[0][None, :STEPS]
    exact = host(program.run(x).outputs[0])
    held, rounded = None, []
    for t in range(x.shape[1]):
        step = program.run(x[:, t : t + 1], held)
        held = {**step.final, state: np.round(step.final[state] / one_lsb) * one_lsb}
        rounded.append(host(step.outputs[0, 0]))
    size = np.sqrt(np.mean(exact**2, axis=0))
    moved = np.sqrt(np.mean((np.array(rounded) - exact) ** 2, axis=0))
    return float(np.max(np.divide(moved, size, out=np.zeros_like(moved), where=size > 0), initial=0.0))
