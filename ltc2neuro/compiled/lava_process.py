"""A compiled network as a Lava process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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


def to_lava(
    net: Parts,
    mode: str,
    reset_interval: int | None,
    lanes: int,
    options: Options | None,
    after: AbstractProcess | None,
    name: str,
) -> Net:
    """See `Network.to_lava`."""
    _check(mode, reset_interval, lanes, options, name)
    LAVA.require(net.record.chip)
    from compiler.lava.processes.fused import FusedNet
    from compiler.lava.processes.nets import MappedNet, Net

    if after is not None:
        if not isinstance(after, Net) or after.dequantize is None:
            raise InputError(
                "after must be a process that to_lava() of another network returned", numbers=f"after = {after!r}"
            )
        _check_chain(net.record, after, int(lanes))
        options = replace(options or Options(), ticks_per_sample=after.ticks_per_sample)
    reset_interval = None if reset_interval is None else int(reset_interval)
    form = net.record.graph.input_format
    entering = Entering(
        form.low,
        form.high,
        first=after.latency if after else 0,
        conversion=None if after is None else _conversion(net, after),
        lanes=int(lanes),
        outputs=after.out.shape[0] // after.lanes if after else None,
    )
    if mode == "mapped":
        mapped = _mapped(net, reset_interval, options, after)
        entering = replace(entering, period=mapped.ticks_per_sample)
        code = _listings_as_code(net, mapped)
        process = MappedNet(network=mapped, reset_interval=reset_interval, entering=entering, code=code, name=name)
    else:
        fused = net.prepared.mapped(reset_interval, Options(Overlap.NONE, merged=False))
        entering = replace(entering, period=(options and options.ticks_per_sample) or 1)
        process = FusedNet(
            network=fused,
            lanes=int(lanes),
            reset_interval=reset_interval,
            entering=entering,
            program=_machine_code(net, int(lanes)),
            name=name,
        )
    process.dequantize = net.host.dequantize
    if net.record.answers.several:
        process.outs = {n: _port(process, n, own) for n, own in net.record.answers.where.items()}
    if after is not None:
        process.after = after
        after.out.connect(process.inp)
    return process


def _check(mode: str, reset_interval: int | None, lanes: int, options: Options | None, name: str) -> None:
    check_choice(mode, ("mapped", "fused"), "mode")
    check_count(lanes, "lanes")
    if reset_interval is not None:
        check_count(reset_interval, "reset_interval")
    check_options(options)
    check_text(name, "name")
    if mode == "mapped" and lanes != 1:
        raise InputError(
            "a mapped network has one lane", numbers=f"lanes = {lanes}", advice="Use mode='fused', or lanes=1."
        )


def _machine_code(net: Parts, lanes: int) -> Proven | None:
    """What a fused network runs where llvmlite is installed: it has given the known answer."""
    if fastest(net) != NATIVE.name:
        return None
    ready(net, NATIVE, lanes)
    return net.record.proven


def _listings_as_code(net: Parts, mapped: MappedNetwork) -> bool:
    """Whether a mapped network's listings run as machine code: where llvmlite is installed, and once that has returned
    what the interpreter does.

    Raises `GraphError` where it does not.
    """
    if fastest(net) != NATIVE.name:
        return False
    x, _ = net.record.enters.quantize(net.record.entering(net.record.known.x))
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


def _mapped(net: Parts, reset_interval: int | None, options: Options | None, after: Net | None) -> MappedNetwork:
    """The mapping, at the ticks of the network before."""
    if after is None:
        return net.prepared.mapped(reset_interval, options)
    assert options is not None
    least = net.prepared.mapped(reset_interval, replace(options, ticks_per_sample=None)).ticks_per_sample
    if least > after.ticks_per_sample:
        raise InputError(
            "the preceding network sends its results too fast",
            where=f"after = {after.name}",
            numbers=f"it takes {after.ticks_per_sample} ticks a sample, this one at least {least}",
            advice=f"Make the first with options=Options(ticks_per_sample={least}), or the second with mode='fused'.",
        )
    return net.prepared.mapped(reset_interval, options)


def _conversion(net: Parts, after: Net) -> Callable[[Integers], Integers]:
    """The results of the network before as this one's integers: both hosts' maps, in float64, as between two runs."""
    real = after.dequantize
    assert real is not None
    return lambda results: net.record.enters.quantize(real(results))[0]


def _check_chain(net: Record, after: Net, lanes: int) -> None:
    outputs, features = after.out.shape[0] // after.lanes, net.features
    if net.timed:
        raise InputError(
            "a network with time spans cannot follow another: nothing sends it the time spans",
            where=f"after = {after.name}",
            advice="Wire a process of your own that sends what net.quantize returns, the time in the last channel.",
        )
    if net.tokens is not None:
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
