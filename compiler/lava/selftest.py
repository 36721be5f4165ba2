"""Whether Lava really runs here: a graph of two processes."""

from __future__ import annotations

import numpy as np

from compiler.lava.processes.host import Sink, Source
from compiler.lava.runtime.import_lava import logging_kept
from compiler.lava.runtime.shared_memory import SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from hw_models.errors import LavaError

STEPS = 100


def selftest(deadline_s: float = 20.0) -> str:
    """Send integers from one process to another; returns a sentence that says what happened.

    Raises `LavaError` where the graph fails, does not finish in time, or returns other integers.
    """
    sent, arrived = shared(STEPS, 1), shared(STEPS, 1)
    sent[:, 0] = np.arange(STEPS) - STEPS // 2
    with logging_kept():
        source = Source(rows=SampleRows(sent, 0, 1))
        sink = Sink(rows=SampleRows(arrived, 0, 1))
    source.out.connect(sink.inp)
    seconds = run_graph(source, STEPS, deadline_s=deadline_s)
    if not np.array_equal(sent, arrived):
        raise LavaError("Lava ran, but other integers arrived than those sent", where="a graph of two processes")
    return f"two Lava processes exchanged {STEPS} integers at {STEPS / seconds:,.0f} time steps a second"
