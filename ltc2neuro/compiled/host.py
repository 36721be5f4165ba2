"""The host's side of a compiled network: samples to integers, integers to answers, states handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_models.arguments import check_choice
from hw_models.arrays import Floats, Integers
from hw_models.errors import InputError
from ltc2neuro.compiled.answers import Answered
from ltc2neuro.compiled.initial_states import GivenStates, as_rows, state_integers, tell_clipped
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.inputs.arrays import (
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
from ltc2neuro.inputs.several import (
    TIMESPANS,
    Inlet,
    by_name,
    check_all,
    is_several,
    join_inputs,
    single,
    without_times,
)


@dataclass(frozen=True)
class Host:
    """What the host does before and after the chip."""

    record: BaseRecord

    def sequences(self, x: Inlet, timespans: Samples | None = None, layout: Layout | None = None) -> Sequences:
        """`x` as what a run takes, several inputs side by side, the time before each sample the last channel.

        Arrays lie as the network's do, or as `layout` says. Raises `InputError`.
        """
        record = self.record
        tokens, layout = record.tokens, record.layout if layout is None else layout
        if record.inputs is not None:
            given, timespans = self._given(x, record.inputs.order, timespans)
            sequences, _ = join_inputs(given, record.inputs, layout)
        else:
            one, timespans = self._one(x, timespans)
            sequences = as_sequences(one, record.sample_shape, layout=layout, tokens=tokens is not None)
        if tokens is not None:
            tokens.check(sequences.arrays)
        return with_timespans(sequences, timespans, record.shortest_span)

    @staticmethod
    def _given(x: Inlet, order: Sequence[str], timespans: Samples | None) -> tuple[dict[str, Samples], Samples | None]:
        """Each of several inputs by its name, and the time spans, which may stand among them."""
        given, times = without_times(by_name(x if isinstance(x, (tuple, list, Mapping)) else (x,), order), timespans)
        check_all(given, [name for name in order if name != TIMESPANS])
        return given, times

    def _one(self, x: Inlet, timespans: Samples | None) -> tuple[Samples, Samples | None]:
        """The input of a network that has one: alone, in a dict, or with its time spans in a tuple or dict."""
        if not isinstance(x, Mapping) and not (self.record.timed and is_several(x)):
            return single(x), timespans
        names = [str(name) for name in x if name != TIMESPANS] if isinstance(x, Mapping) else []
        order = [*(names[:1] or ["x"]), *([TIMESPANS] if self.record.timed else [])]
        given, times = self._given(x, order, timespans)
        return given[order[0]], times

    def sample(self, x: Inlet, rows: int | None) -> Inlet:
        """One sample of each of so many rows, None for one without that axis, as sequences of one step.

        Raises `InputError` for another shape.
        """
        inputs, lead = self.record.inputs, () if rows is None else (rows,)
        if inputs is None:
            shape = self.record.sample_shape
            return _one_sample(x, (*lead, *shape), "a sample").reshape(-1, 1, *shape)
        given, _ = self._given(x, [name for name in inputs.order if name != TIMESPANS], None)
        found: dict[str, Samples] = {}
        for one in inputs.each:
            array = _one_sample(given[one.name], (*lead, *one.shape), f"a sample of {one.name}")
            found[one.name] = array.reshape(-1, *(() if one.held else (1,)), *one.shape)
        return found

    def quantize(self, x: Inlet) -> Integers:
        """See `BaseNetwork.quantize`."""
        record = self.record
        if is_several(x) or (record.inputs is not None and isinstance(x, list)):
            x = record.layout.stacked(self.sequences(x).arrays)
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
        integers, clipped = state_integers(rows, words)
        tell_clipped(clipped, rows, words, stacklevel=stacklevel)
        return integers

    def state_lsb(self, name: str) -> Floats:
        """The real weight of a state's LSB, element by element."""
        return self.record.state_words[check_choice(name, self.record.state_words, "state")].lsb


def _one_sample(x: object, expected: tuple[int, ...], what: str) -> np.ndarray:
    array = as_array(x)
    if array.shape != expected:
        rows = array.shape[0] if array.ndim == 1 + len(expected) and array.shape[1:] == expected else 0
        advice = f"Samples of {rows} sequences side by side go to net.stream({rows})." if rows else ""
        raise InputError(f"{what} has the wrong shape", numbers=f"{array.shape}, expected {expected}", advice=advice)
    return array


def _checked(given: object, shape: tuple[int, ...], what: str) -> np.ndarray:
    array = as_array(given)
    check_last(array, shape, what)
    check_numbers(array, what)
    return array
