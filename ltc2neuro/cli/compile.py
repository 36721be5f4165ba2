"""Compile a torch model to an integer network and save it."""

from __future__ import annotations

import argparse

import ltc2neuro
from ltc2neuro.cli.axes import batch_first
from ltc2neuro.cli.chips import target
from ltc2neuro.cli.models import add_compiling, build
from ltc2neuro.cli.output import HELD, note, say

NAME = "compile"
HELP = "compile a torch model to an integer network, saved as .l2n"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_compiling(parser)
    parser.add_argument(
        "--tune", action="store_true", help="learn what it adds from the float network: for few parameter bits"
    )


def run(options: argparse.Namespace) -> int:
    """Build, load, compile, save."""
    from ltc2neuro.cli import samples

    samples.require_folder(options.output)
    built = build(options.factory, options)
    if built.weights is None:
        note(options, "weights: as the factory made them; --weights FILE loads trained ones")
    net = ltc2neuro.compile(
        built.model,
        built.calibration,
        timespans=built.timespans,
        chip=target(options),
        precision=options.precision,
        dt=built.dt,
        batch_first=batch_first(options),
        microcode=not options.no_microcode,
        tune=options.tune,
    )
    net.save(options.output)
    say(
        options,
        f"{net}\nwrote {options.output}",
        {"output": options.output, "summary": str(net), "weights": built.weights},
    )
    return HELD
