"""A compiled network as a Lava process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from compiler.lava.executor import LAVA
from compiler.lava.runtime.input_checks import Entering
from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.options import Options, Overlap
from compiler.native.executor import NATIVE
from compiler.native.neurons import NativeNeurons
from compiler.ranges.proven import Proven
from compiler.simulator.machine import Machine
from compiler.simulator.neurons import InterpretedNeurons
from hw_models.arguments import check_choice, check_count, check_text
from hw_models.arrays import Integers
from hw_models.errors import GraphError, InputError
from ltc2neuro.compiled.default_executor import fastest
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.record import Record
from ltc2neuro.compiled.runs import ready
from ltc2neuro.inputs.arguments import check_options

EXECUTED = (InterpretedNeurons, NativeNeurons)
"""How listings are, in words and in machine code"""

if TYPE_CHECKING:
    from lava.magma.core.process.ports.ports import OutPort
    from lava.magma.core.process.process import AbstractProcess

    from compiler.lava.processes.nets import Net


@dataclass(frozen=True)
class ProcessRequest:
    """Which process is wanted: the arguments of `Network.to_lava`."""

    mode: str
    reset_interval: int | None
    lanes: int
    options: Options | None
    after: AbstractProcess | None
    name: str

    def checked(self) -> ProcessRequest:
        """The same, numbers as integers. Raises `InputError`."""
        check_choice(self.mode, ("mapped", "fused"), "mode")
        lanes, interval = check_count(self.lanes, "lanes"), self.reset_interval
        if interval is not None:
            interval = check_count(interval, "reset_interval")
        check_options(self.options)
        check_text(self.name, "name")
        if self.mode == "mapped" and lanes != 1:
            raise InputError(
                "a mapped network has one lane", numbers=f"lanes = {lanes}", advice="Use mode='fused', or lanes=1."
            )
        return replace(self, reset_interval=interval, lanes=lanes)


def to_lava(parts: Parts, asked: ProcessRequest) -> Net:
    """See `Network.to_lava`."""
    asked = asked.checked()
    LAVA.require(parts.record.chip)
    after = _before(parts.record, asked)
    if after is not None:
        asked = replace(asked, options=replace(asked.options or Options(), ticks_per_sample=after.ticks_per_sample))
    process = _mapped_process(parts, asked, after) if asked.mode == "mapped" else _fused_process(parts, asked, after)
    process.dequantize = parts.host.dequantize
    if parts.record.answers.several:
        process.outs = {n: _port(process, n, own) for n, own in parts.record.answers.where.items()}
    if after is not None:
        process.after = after
        after.out.connect(process.inp)
    return process


def _before(record: Record, asked: ProcessRequest) -> Net | None:
    """The process whose results it takes. Raises `InputError` where these do not fit."""
    from compiler.lava.processes.nets import Net

    if asked.after is None:
        return None
    if not isinstance(asked.after, Net) or asked.after.dequantize is None:
        raise InputError(
            "after must be a process that to_lava() of another network returned", numbers=f"after = {asked.after!r}"
        )
    _check_chain(record, asked.after, asked.lanes)
    return asked.after


def _mapped_process(parts: Parts, asked: ProcessRequest, after: Net | None) -> Net:
    from compiler.lava.processes.nets import MappedNet

    mapped = _mapped(parts, asked, after)
    return MappedNet(
        network=mapped,
        reset_interval=asked.reset_interval,
        entering=_entering(parts, asked, after, mapped.ticks_per_sample),
        code=_listings_as_code(parts, mapped),
        name=asked.name,
    )


def _fused_process(parts: Parts, asked: ProcessRequest, after: Net | None) -> Net:
    from compiler.lava.processes.fused import FusedNet

    return FusedNet(
        network=parts.prepared.mapped(asked.reset_interval, Options(Overlap.NONE, merged=False)),
        lanes=asked.lanes,
        reset_interval=asked.reset_interval,
        entering=_entering(parts, asked, after, (asked.options and asked.options.ticks_per_sample) or 1),
        program=_machine_code(parts, asked.lanes),
        name=asked.name,
    )


def _entering(parts: Parts, asked: ProcessRequest, after: Net | None, period: int) -> Entering:
    """What may arrive at `inp`, a sample every `period` ticks."""
    form = parts.record.graph.input_format
    if after is None:
        return Entering(form.low, form.high, period=period, lanes=asked.lanes)
    return Entering(
        form.low,
        form.high,
        period=period,
        first=after.latency,
        conversion=_conversion(parts, after),
        lanes=asked.lanes,
        outputs=after.out.shape[0] // after.lanes,
    )


def _machine_code(parts: Parts, lanes: int) -> Proven | None:
    """What a fused network runs where llvmlite is installed: it has given the known answer."""
    if fastest(parts) != NATIVE.name:
        return None
    ready(parts, NATIVE, lanes)
    return parts.record.proven


def _listings_as_code(parts: Parts, mapped: MappedNetwork) -> bool:
    """Whether a mapped network's listings run as machine code: where llvmlite is installed, and once that has returned
    what the interpreter does.

    Raises `GraphError` where it does not.
    """
    if fastest(parts) != NATIVE.name:
        return False
    x, _ = parts.record.enters.quantize(parts.record.entering(parts.record.known.x))
    (outputs, states), (others, other_states) = (Machine(mapped, neurons=n).run_recorded(x) for n in EXECUTED)
    if not np.array_equal(outputs, others) or not all(np.array_equal(states[n], other_states[n]) for n in states):
        raise GraphError(
            "the listings as machine code return other integers than interpreted",
            numbers=f"{x.shape[1]} samples that the file holds",
        )
    return True


def _port(process: Net, name: str, own: slice) -> OutPort:
    """A port at which one answer leaves, in the tick in which all do."""
    from compiler.lava.processes.part import AnswerPart

    size, lanes = process.out.shape[0], process.lanes
    part = AnswerPart(size=size, start=own.start * lanes, stop=own.stop * lanes, name=f"{process.name}.{name}")
    process.out.connect(part.inp)
    return part.out


def _mapped(parts: Parts, asked: ProcessRequest, after: Net | None) -> MappedNetwork:
    """The mapping, at the ticks of the network before."""
    interval, options = asked.reset_interval, asked.options
    if after is None:
        return parts.prepared.mapped(interval, options)
    assert options is not None
    least = parts.prepared.mapped(interval, replace(options, ticks_per_sample=None)).ticks_per_sample
    if least > after.ticks_per_sample:
        raise InputError(
            "the preceding network sends its results too fast",
            where=f"after = {after.name}",
            numbers=f"it takes {after.ticks_per_sample} ticks a sample, this one at least {least}",
            advice=f"Make the first with options=Options(ticks_per_sample={least}), or the second with mode='fused'.",
        )
    return parts.prepared.mapped(interval, options)


def _conversion(parts: Parts, after: Net) -> Callable[[Integers], Integers]:
    """The results of the network before as this one's integers: both hosts' maps, in float64, as between two runs."""
    real = after.dequantize
    assert real is not None
    return lambda results: parts.record.enters.quantize(real(results))[0]


def _check_chain(record: Record, after: Net, lanes: int) -> None:
    outputs, features = after.out.shape[0] // after.lanes, record.features
    if record.timed:
        raise InputError(
            "a network with time spans cannot follow another: nothing sends it the time spans",
            where=f"after = {after.name}",
            advice="Wire a process of your own that sends what net.quantize returns, the time in the last channel.",
        )
    if record.tokens is not None:
        raise InputError(
            "a network that takes tokens cannot follow another: its results are not tokens",
            where=f"after = {after.name}",
        )
    if outputs != features:
        raise InputError(
            "the results of the preceding network do not fit",
            where=f"after = {after.name}",
            numbers=f"it has {outputs} outputs, this one takes {features} features",
        )
    if after.lanes != lanes:
        raise InputError("the networks have different numbers of lanes", numbers=f"lanes = {lanes}, not {after.lanes}")
