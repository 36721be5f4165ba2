"""What a sample of a saved network costs on its chip or another: cores, ticks, time and energy, and what dominates.
Exit status: 0 it fits, 1 it does not fit, 2 usage."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import ltc2neuro
from compiler.c99.size import flash
from ltc2neuro.cli.axes import add_axes, with_axes
from ltc2neuro.cli.chips import add_target, target
from ltc2neuro.cli.output import HELD, MISSED, say, say_error
from ltc2neuro.errors import InputError, PlacementError

if TYPE_CHECKING:
    from ltc2neuro.compiled.record import Record

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
    parser.add_argument("--c", action="store_true", help="what the network takes as C, on a processor instead")
    parser.add_argument("--placement", action="store_true", help="show what each core holds")


def run(options: argparse.Namespace) -> int:
    """Load, place, count, print."""
    from compiler.mapping.options import Options as MappingOptions
    from compiler.mapping.options import Overlap
    from ltc2neuro.cli import samples
    from ltc2neuro.compiled.microcode import with_microcode

    if options.timespans and not options.data:
        raise InputError("--timespans belong to samples", advice="Give --data FILE, too.")
    net = with_axes(ltc2neuro.load(options.network), options)
    if options.c:
        record = with_microcode(net, "--c").record
        of_chips = options.chip or options.board or options.chips or options.cores != 1
        if of_chips or options.data or options.timespans or options.placement or options.pipeline:
            raise InputError("C runs on a processor, and every sample takes the same", where="--c", advice=ALONE)
        return _as_c(options, record)
    chip = target(options, net.chip) if options.chip or options.board or options.chips else None
    data, timespans = samples.inlet(options.data, net.inputs and net.inputs.order), samples.given(options.timespans)
    recorded = None if data is None else net.run(data, timespans=timespans)
    try:
        overlap = MappingOptions(Overlap.LAYERS) if options.pipeline else None
        cost = net.cost(recorded, chip=chip, cores=options.cores, options=overlap)
    except PlacementError as error:
        say_error(options, error)
        return MISSED
    text = f"{cost}\n\n{cost.placement}" if options.placement else str(cost)
    say(options, text, {**cost.plain(), "text": text})
    return HELD


def _as_c(options: argparse.Namespace, record: Record) -> int:
    """Memory and operations of the C that `ltc2neuro export` writes."""
    from ltc2neuro.artifact.c_file import c_program

    made = c_program(record)
    built = flash(made.text)
    lines = [
        f"RAM         {made.ram:,} bytes",
        f"constants   {made.constants:,} bytes",
        f"flash       {built:,} bytes, code and constants, by cc -Os for this machine" if built else NO_COMPILER,
        f"operations  {made.operations:,} on integers, a sample",
    ]
    plain = {"ram": made.ram, "constants": made.constants, "flash": built, "operations": made.operations}
    say(options, "\n".join(lines), plain)
    return HELD


ALONE = "Give --c alone: chips, cores, placement and messages are of networks on a chip."
NO_COMPILER = "flash       unknown: cc and size are not both here, or failed"
