"""The host's side of a compiled network: samples to integers, integers to answers, states handed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_models.arguments import check_choice
from hw_models.arrays import Floats, Integers
from ltc2neuro.compiled.answers import Answered
from ltc2neuro.compiled.given_states import GivenStates, as_integers, as_rows, tell_clipped
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.inputs.arrays import (
    ArrayOrTensor,
    Samples,
    Sequences,
    as_array,
    as_sequences,
    check_last,
    check_numbers,
    with_timespans,
)
from ltc2neuro.inputs.layout import Layout
from ltc2neuro.inputs.sample_shape import flat


@dataclass(frozen=True)
class Host:
    """What the host does before and after the chip."""

    record: BaseRecord

    def sequences(self, x: Samples, timespans: Samples | None = None, layout: Layout | None = None) -> Sequences:
        """`x` as what a run takes, the time before each sample its last channel.

        Arrays lie as the network's do, or as `layout` says. Raises `InputError`.
        """
        record = self.record
        tokens, layout = record.tokens, record.layout if layout is None else layout
        sequences = as_sequences(x, record.sample_shape, layout=layout, tokens=tokens is not None)
        if tokens is not None:
            tokens.check(sequences.arrays)
        return with_timespans(sequences, timespans, record.shortest_span)

    def quantize(self, x: ArrayOrTensor) -> Integers:
        """See `BaseNetwork.quantize`."""
        record = self.record
        shape = (record.channels,) if record.timed else record.sample_shape
        array = flat(_checked(x, shape, "x"), shape).astype(np.float64)
        if record.tokens is not None:
            record.tokens.check([array.reshape(-1, record.channels)])
        return record.enters.quantize(record.entering(array))[0]

    def dequantize(self, integers: npt.ArrayLike) -> Floats:
        """See `BaseNetwork.dequantize`."""
        array = _checked(integers, (self.record.leaves.size,), "integers")
        return self.record.leaves(array.astype(np.float64))

    def shaped(self, outputs: Floats) -> Answered:
        """See `BaseNetwork.shaped`."""
        answers, array = self.record.answers, _checked(outputs, (self.record.leaves.size,), "outputs")
        return answers.gathered(answers.shaped(array))

    def answers(self, outputs: Iterable[object]) -> list[list[Floats]]:
        """Flat outputs of sequences (time, outputs): of each the answers in the model's shape."""
        return [self.record.answers.shaped(np.asarray(y)) for y in outputs]

    def quantize_state(self, state: GivenStates, *, stacklevel: int = 2) -> dict[str, Integers]:
        """See `BaseNetwork.quantize_state`."""
        words = self.record.given
        rows = as_rows(state, words, None)
        integers, clipped = as_integers(rows, words)
        tell_clipped(clipped, rows, words, stacklevel=stacklevel)
        return integers

    def state_lsb(self, name: str) -> Floats:
        """The real weight of a state's LSB, element by element."""
        return self.record.words[check_choice(name, self.record.words, "state")].lsb


def _checked(given: object, shape: tuple[int, ...], what: str) -> np.ndarray:
    array = as_array(given)
    check_last(array, shape, what)
    check_numbers(array, what)
    return array
