"""Rates of a network in Lava: mapped, against trivial processes, as many in a chain and the same with its channels;
and fused, against mapped and against a process that has its ports and no work.

    python benchmarks/lava_rate.py network.l2n [--lanes 360]

Chain and network are run in turn, several times, and the best of each counts: the machine may have other work.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from lava_chain.relay import Relay
from lava_chain.skeleton import Thread, skeleton

import ltc2neuro
from compiler.lava.processes.fused import FusedNet
from compiler.lava.processes.host import Sink, Source
from compiler.lava.processes.nets import MappedNet, Net
from compiler.lava.runtime.shared_memory import SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.mapping.mapped_network import MappedNetwork
from compiler.ranges.proven import Proven
from compiler.running.extra import NATIVE
from ltc2neuro import Options, Overlap

DEADLINE_S = 300.0
TICKS = 2400
FUSED_SAMPLES, CODE_SAMPLES = 100, 2000
ROUNDS = 3


@dataclass(frozen=True)
class Rates:
    """What was measured; ticks and samples a second."""

    processes: int
    chain_ticks: float
    skeleton_ticks: float
    """of trivial processes with all channels of the network"""
    mapped_ticks: float
    """with interpreted listings"""
    mapped_code_ticks: float
    """with those as machine code; 0 where they cannot be"""
    mapped_samples: float
    """of the faster of the two"""
    fused_samples: float
    code_samples: float
    """fused, as machine code; 0 where it cannot be"""
    idle_samples: float
    """of a process with the ports of the fused one, and no work"""

    @property
    def against_chain(self) -> float:
        """Mapped ticks/s, at best, as a part of the chain's."""
        return max(self.mapped_ticks, self.mapped_code_ticks) / self.chain_ticks

    @property
    def against_mapped(self) -> float:
        """Fused samples/s as a multiple of mapped."""
        return self.fused_samples / self.mapped_samples


def measure(network: MappedNetwork, alone: MappedNetwork, program: Proven | None, lanes: int) -> Rates:
    """Run chain, mapped `network`, and fused `alone`, the same without overlap: its listings, and `program`."""
    processes = len(network.populations) + len(network.connections) + 2
    chain, bones, mapped, mapped_code, fused, code, idle = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(ROUNDS):
        chain = max(chain, TICKS / chain_seconds(processes))
        bones = max(bones, TICKS / skeleton_seconds(network))
        idle = max(idle, CODE_SAMPLES / idle_seconds(alone, lanes))
        mapped = max(mapped, TICKS / net_seconds(MappedNet(network=network), TICKS))
        fused = max(fused, FUSED_SAMPLES / net_seconds(FusedNet(network=alone, lanes=lanes), FUSED_SAMPLES))
        if program is not None:
            mapped_code = max(mapped_code, TICKS / net_seconds(MappedNet(network=network, code=True), TICKS))
            net = FusedNet(network=alone, lanes=lanes, program=program)
            code = max(code, CODE_SAMPLES / net_seconds(net, CODE_SAMPLES))
    samples = max(mapped, mapped_code) / network.ticks_per_sample
    ticks = (chain, bones, mapped, mapped_code)
    return Rates(processes, *ticks, samples, fused * lanes, code * lanes, idle * lanes)


def chain_seconds(processes: int) -> float:
    """Source, relays and sink: `processes` in all, 8 integers a message."""
    source, sink = ends(TICKS, 1, 8, 8)
    last = source.out
    for _ in range(processes - 2):
        relay = Relay(size=8)
        last.connect(relay.inp)
        last = relay.out
    last.connect(sink.inp)
    return run_graph(source, TICKS, deadline_s=DEADLINE_S)


def skeleton_seconds(network: MappedNetwork) -> float:
    """Trivial processes with the channels of `network`."""
    source, sink = ends(TICKS, 1, network.input_size, network.output_size)
    skeleton(network, source.out, sink.inp)
    return run_graph(source, TICKS, deadline_s=DEADLINE_S)


def idle_seconds(network: MappedNetwork, lanes: int) -> float:
    """One process between source and sink, that takes and sends as many numbers as the fused `network`."""
    source, sink = ends(CODE_SAMPLES, 1, network.input_size * lanes, network.output_size * lanes)
    thread = Thread(size=network.input_size * lanes, out=network.output_size * lanes)
    source.out.connect(thread.inp)
    thread.out.connect(sink.inp)
    return run_graph(source, CODE_SAMPLES, deadline_s=DEADLINE_S)


def net_seconds(net: Net, ticks: int) -> float:
    """Random inputs into `net`, for `ticks` time steps."""
    source, sink = ends(ticks, net.ticks_per_sample, net.inp.shape[0], net.out.shape[0])
    source.out.connect(net.inp)
    net.out.connect(sink.inp)
    return run_graph(source, ticks, deadline_s=DEADLINE_S)


def ends(ticks: int, period: int, features: int, outputs: int) -> tuple[Source, Sink]:
    """A source of random rows and a sink."""
    inputs, arrived = shared(ticks // period, features), shared(ticks // period, outputs)
    inputs[:] = np.random.default_rng(0).integers(-1000, 1000, inputs.shape)
    return Source(rows=SampleRows(inputs, 0, period)), Sink(rows=SampleRows(arrived, 0, period))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", help="a compiled network, .l2n")
    parser.add_argument("--lanes", type=int, default=256)
    options = parser.parse_args()
    net = ltc2neuro.load(options.network)
    program = None if NATIVE.missing() else net.proven
    rates = measure(net.mapped(), net.mapped(options=Options(Overlap.NONE)), program, options.lanes)
    print(f"{rates.processes} Lava processes, {rates.processes - 2} of them the network's")
    print(f"chain of as many trivial processes: {rates.chain_ticks:10,.0f} ticks/s")
    print(f"trivial processes, its channels:    {rates.skeleton_ticks:10,.0f} ticks/s")
    print(f"mapped, interpreted:                {rates.mapped_ticks:10,.0f} ticks/s")
    print(f"mapped, as machine code:            {rates.mapped_code_ticks:10,.0f} ticks/s")
    print(f"against the chain, at best:         {rates.against_chain:10.2f}")
    print(f"mapped:                             {rates.mapped_samples:10,.1f} samples/s")
    print(
        f"fused, {options.lanes} lanes:                   {rates.fused_samples:10,.0f} samples/s, "
        f"{rates.against_mapped:.0f} times mapped"
    )
    print(f"the same as machine code:           {rates.code_samples:10,.0f} samples/s")
    print(f"the same ports without work:        {rates.idle_samples:10,.0f} samples/s")


if __name__ == "__main__":
    main()
