"""What a sample of a saved network costs on its chip or another: cores, ticks, time and energy, and what dominates.
Exit status: 0 it fits, 1 it does not fit, 2 usage."""

from __future__ import annotations

import argparse

import ltc2neuro
from ltc2neuro.cli.axes import add_axes, with_axes
from ltc2neuro.cli.chips import add_target, target
from ltc2neuro.cli.output import HELD, MISSED, say, say_error
from ltc2neuro.errors import InputError, PlacementError

NAME = "cost"
HELP = "show whether a saved network fits a chip, and what a sample costs there"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    add_target(parser, default=None)
    parser.add_argument("--cores", type=int, default=1, metavar="N", help="spread the neurons over this many cores")
    parser.add_argument("--pipeline", action="store_true", help="each layer works on a sample of its own")
    parser.add_argument(
        "--data", metavar="FILE", help="samples to run, to count the messages sent; without, all are sent"
    )
    add_axes(parser, "the network's own")
    parser.add_argument("--placement", action="store_true", help="show what each core holds")


def run(options: argparse.Namespace) -> int:
    """Load, place, count, print."""
    from compiler.mapping.options import Options as MappingOptions
    from compiler.mapping.options import Overlap
    from ltc2neuro.cli import samples

    if options.timespans and not options.data:
        raise InputError("--timespans belong to samples", advice="Give --data FILE, too.")
    net = with_axes(ltc2neuro.load(options.network), options)
    chip = target(options, net.chip) if options.chip or options.board or options.chips else None
    data, spans = samples.inlet(options.data, net.inputs and net.inputs.order), samples.given(options.timespans)
    recorded = None if data is None else net.run(data, timespans=spans)
    try:
        overlap = MappingOptions(Overlap.LAYERS) if options.pipeline else None
        cost = net.cost(recorded, chip=chip, cores=options.cores, options=overlap)
    except PlacementError as error:
        say_error(options, error)
        return MISSED
    text = f"{cost}\n\n{cost.placement}" if options.placement else str(cost)
    say(options, text, {**cost.plain(), "text": text})
    return HELD
