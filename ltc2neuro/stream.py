"""`Stream`: a network sample by sample, for closed loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hw_models.errors import InputError
from ltc2neuro.arrays import ArrayOrTensor, Floats, as_array, as_sequences, with_timespans
from ltc2neuro.runs import States, run_network

if TYPE_CHECKING:
    from ltc2neuro.network import Network


class Stream:
    """Keeps the state between samples; the integers are those of one long run on the reference."""

    def __init__(self, net: Network, batch: int | None) -> None:
        self._net = net
        self._batch = batch
        self._state: States | None = None

    def step(self, x: ArrayOrTensor, timespan: ArrayOrTensor | None = None) -> Floats:
        """One sample: x (features,) -> step_shape, or x (batch, features) -> (batch, *step_shape).

        `timespan` is the time before the sample, one number or (batch,), for a network compiled with time spans.
        """
        array = as_array(x)
        expected = (self._net.features,) if self._batch is None else (self._batch, self._net.features)
        if array.shape != expected:
            raise InputError("a sample has the wrong shape", numbers=f"{array.shape}, expected {expected}")
        rows = np.reshape(array, (-1, 1, self._net.features))
        spans = None if timespan is None else np.broadcast_to(np.reshape(as_array(timespan), (-1, 1)), (len(rows), 1))
        samples = with_timespans(as_sequences(rows, self._net.features), spans, self._net.shortest_span)
        run = run_network(self._net, samples, "reference", self._state, ())
        self._state = run.final_state
        y = np.asarray(run.outputs)[:, 0].reshape(-1, *self._net.step_shape)
        return y[0] if self._batch is None else y

    def reset(self) -> None:
        """Start a new sequence: states are initial again."""
        self._state = None
