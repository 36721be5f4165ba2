"""The host's side of a compiled network: samples to integers, integers to answers, states handed in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_models.arguments import check_choice
from hw_models.fixed_point import Format
from ltc2neuro.compiled.answers import shaped
from ltc2neuro.compiled.clipped import user_ends
from ltc2neuro.compiled.given_states import GivenStates, as_integers, as_rows, tell_clipped, words_of
from ltc2neuro.compiled.record import Record
from ltc2neuro.inputs.arrays import (
    ArrayOrTensor,
    Floats,
    Samples,
    Sequences,
    as_array,
    as_sequences,
    check_last,
    check_numbers,
    with_timespans,
)

INPUT = "input"
"""Under which saturations of the input are counted"""


@dataclass(frozen=True)
class Host:
    """What the host does before and behind the chip."""

    record: Record

    def sequences(self, x: Samples, timespans: Samples | None = None) -> Sequences:
        """`x` as what a run takes, the time before each sample its last channel. Raises `InputError`."""
        record = self.record
        sequences = as_sequences(x, record.features, layout=record.layout)
        return with_timespans(sequences, timespans, record.shortest_span)

    # --- into the chip -------------------------------------------------------------------------------------

    @property
    def input_format(self) -> Format:
        """The format of the samples that enter the chip."""
        return self.record.graph.input_format

    def mapped_input(self, x: Floats) -> Floats:
        """The host's map of the input: a scale and an offset per channel."""
        return self.record.graph.input_map(x)

    def scaled(self, x: Floats) -> Floats:
        """The input in LSB of the chip's format, unrounded."""
        return self.mapped_input(x) / self.input_format.lsb

    @property
    def user_range(self) -> tuple[Floats, Floats]:
        """From where to where each channel of the input is not clipped, in the user's units, the time span's last."""
        form, host = self.input_format, self.record.graph.input_map
        return user_ends(form.real_low, form.real_high, host.scale, host.offset)

    def quantize(self, x: ArrayOrTensor) -> npt.NDArray[np.int64]:
        """See `Network.quantize`."""
        array = as_array(x)
        check_last(array, self.record.features + self.record.timed, "x")
        check_numbers(array, "x")
        return self.input_format.quantize(self.mapped_input(array.astype(np.float64)))[0]

    # --- out of the chip -----------------------------------------------------------------------------------

    @property
    def output_fraction(self) -> int:
        """The integer q that leaves the chip stands for q * 2^-output_fraction, before the host's map."""
        return self.record.graph.fraction(self.record.result.x)

    def dequantize(self, integers: npt.ArrayLike) -> Floats:
        """See `Network.dequantize`."""
        graph, result = self.record.graph, self.record.result
        array = as_array(integers)
        check_last(array, graph.size(result.x), "integers")
        check_numbers(array, "integers")
        return graph.output_map(array.astype(np.float64) * 2.0**-self.output_fraction)

    def shaped(self, outputs: Floats) -> Floats:
        """See `Network.shaped`."""
        array = as_array(outputs)
        check_last(array, self.record.graph.size(self.record.result.x), "outputs")
        check_numbers(array, "outputs")
        return shaped(array, self.record.readout, self.record.step_shape)

    # --- states --------------------------------------------------------------------------------------------

    def quantize_state(self, state: GivenStates, *, stacklevel: int = 2) -> dict[str, npt.NDArray[np.int64]]:
        """See `Network.quantize_state`."""
        words = words_of(self.record.graph)
        rows = as_rows(state, words, None)
        integers, clipped = as_integers(rows, words)
        tell_clipped(clipped, rows, words, stacklevel=stacklevel)
        return integers

    def state_lsb(self, name: str) -> float:
        """The real weight of a state's LSB."""
        graph = self.record.graph
        return graph.state_format(check_choice(name, [s.name for s in graph.states], "state")).lsb
