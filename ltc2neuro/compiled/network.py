"""`BaseNetwork`: what one does with a compiled network, with microcode or without."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy.typing as npt

from compiler.mapping.options import Options
from hw_models.arguments import check_flag
from hw_models.arrays import Floats, Integers
from hw_models.notebook_repr import Shown
from ltc2neuro.compiled.answers import Answered
from ltc2neuro.compiled.clipped import tell
from ltc2neuro.compiled.endpoints import InputEnd, OutputEnd
from ltc2neuro.compiled.initial_states import GivenStates, StateWord
from ltc2neuro.compiled.pickling import remade
from ltc2neuro.compiled.record import BaseRecord, KnownAnswer
from ltc2neuro.compiled.run import Run
from ltc2neuro.compiled.runs import AnyParts, RunRequest, clipped_of, run_network
from ltc2neuro.compiled.stream import Stream
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.several import Inlet

N = TypeVar("N", bound="BaseNetwork")


class BaseNetwork(Shown, BaseRecord, ABC):
    """A liquid network as integers: run it, `verify`, `check`, save, `load` and `print` it, whatever it is made of."""

    @cached_property
    @abstractmethod
    def parts(self) -> AnyParts:
        """What the rest of the package works with: the record, the host's side, names, what is ready to run.

        They know nothing of the network, so that one that nobody holds any longer is freed at once."""

    @cached_property
    def enters(self) -> InputEnd:
        """See `BaseRecord`. What follows from the record is worked out there once, for the network and its parts."""
        return self.parts.record.enters

    @cached_property
    def leaves(self) -> OutputEnd:
        """See `BaseRecord`."""
        return self.parts.record.leaves

    @cached_property
    def state_words(self) -> Mapping[str, StateWord]:
        """See `BaseRecord`."""
        return self.parts.record.state_words

    @cached_property
    def given(self) -> Mapping[str, StateWord]:
        """See `BaseRecord`."""
        return self.parts.record.given

    @classmethod
    def of(cls: type[N], parts: AnyParts, known: KnownAnswer) -> N:
        """The network of a record and its known answer; what its parts have made ready stays."""
        record = replace(parts.record, known=known)
        net = remade(cls, record)
        vars(net)["parts"] = type(parts)(record, parts.runners)
        return net

    @abstractmethod
    def save(self, path: str | Path) -> None:
        """Write a `.l2n` artifact; an existing file is replaced only when the new one is complete."""

    def __call__(self, x: Inlet, timespans: Samples | None = None) -> Answered | list[Answered]:
        """What `model(x)` returns, as float64, from the usual executor, the reference.

        `x` is (batch, time, *sample_shape), mostly (batch, time, features), or a list of sequences; the result is
        (batch, time, *step_shape) or, when the model answers at the last step, (batch, *step_shape). Where `layout` has
        time first, time and batch change places. Several answers are a tuple or dict of such arrays, as in the model,
        of a list one for each sequence.
        """
        sequences = self.parts.host.sequences(x, timespans)
        run = self._told(sequences, run_network(self.parts, sequences))
        return self.answers.returned(run.outputs, self.layout)

    def run(
        self,
        x: Inlet,
        on: str | None = None,
        state: GivenStates | None = None,
        record: Sequence[str] = (),
        *,
        timespans: Samples | None = None,
        options: Options | None = None,
        threads: int | None = None,
        strict: bool = False,
    ) -> Run:
        """Run `x` on an executor: docs/executors.md has them all. None takes the fastest that is installed, where the
        work is long enough to make it ready, and else the reference: the integers are the same, and `Run.on` tells.

        `state` is the `final_state` of an earlier run, or torch's own `hx`: see `quantize_state`. `record` are names or
        globs of `names()`; `timespans`, (batch, time) or a list of (time,), is the time before each sample, for a
        network compiled with time spans. `options` say how it is mapped on "lava": `Options(Overlap.LAYERS)` pipelines
        the layers. `threads` is how many CPUs "native" takes at most: None, all that this process may use. The integers
        are the same. One warning names the channels, time spans and states of which more than
        a thousandth was beyond the calibrated range and was clipped; `strict` makes an `InputError` of it. Raises
        `InputError` for a wrong shape, name or state.
        """
        strict = check_flag(strict, "strict")
        sequences = self.parts.host.sequences(x, timespans)
        run = run_network(self.parts, sequences, on, state, RunRequest(record, options, threads))
        return self._told(sequences, run, state, strict=strict)

    def _told(self, x: Sequences, run: Run, state: GivenStates | None = None, *, strict: bool = False) -> Run:
        """The run of `x`; what it clipped is said at the line of the user, two calls up."""
        clipped = clipped_of(self.parts, x, run, state).titled(self.parts.titles)
        tell(clipped, strict=strict, stacklevel=3)
        return run

    def stream(
        self, batch: int | None = None, state: GivenStates | None = None, *, on: str | None = None, strict: bool = False
    ) -> Stream:
        """Sample by sample, for closed loops: `.step(x)` with x (features,) or (batch, features), or (*shape).

        `state`, as for `run`, is where it starts; `on` an executor that takes states, by default the fastest. What is
        clipped is warned of once; `strict` makes an `InputError` of it.
        """
        return Stream(self.parts, batch, state, on=on, strict=strict)

    def names(self) -> list[str]:
        """What `run(record=...)` takes: states, and with microcode their time constants and the values of the float
        graph that the chip computes in the model's own units."""
        return self.parts.names.all()

    # --- the host's side -----------------------------------------------------------------------------------

    def quantize(self, x: Inlet) -> Integers:
        """Samples (..., *sample_shape) as the integers (..., features) that enter the chip; out of range saturates.
        Several inputs, a tuple or dict of (batch, time, features), become one array.

        Raises `InputError` for other features and for what is not finite.
        """
        return self.parts.host.quantize(x)

    def dequantize(self, integers: npt.ArrayLike) -> Floats:
        """Integers that leave the chip (..., outputs), in the model's units. Raises `InputError` for other outputs."""
        return self.parts.host.dequantize(integers)

    def shaped(self, outputs: Floats) -> Answered:
        """Flat outputs (..., time, outputs), batch first, in the shape of the model's answer, or of each of several."""
        return self.parts.host.shaped(outputs)

    def quantize_state(self, state: GivenStates) -> dict[str, Integers]:
        """States as integers of this network, (batch, size) by their names, such as `run` starts from.

        The type of an array tells what it holds: floats are real values, torch's own `hx`, and are rounded to the
        state's LSB; what lies beyond its range is clipped, with one warning. Integers are those of a
        `final_state` and stay as they are. An `nn.LSTM` returns two: `{"h": h, "c": c}`; docs/arrays.md has the names
        of each layer. Raises `InputError` for other names and shapes, for integers that the network cannot hold, and
        for floats that are integers by mistake.
        """
        return self.parts.host.quantize_state(state, stacklevel=3)

    def state_lsb(self, name: str) -> Floats:
        """The real weight of a state's LSB, that of each element: (size,)."""
        return self.parts.host.state_lsb(name)
