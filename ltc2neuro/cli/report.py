"""Write one HTML file that shows what the integers do to a saved network: how far they are from the floats, where the
error comes from, what it takes of the chip. It needs nothing installed to be read."""

from __future__ import annotations

import argparse
from pathlib import Path

import ltc2neuro
from ltc2neuro.cli.axes import add_axes, with_axes
from ltc2neuro.cli.measures import add_metric, check_metric
from ltc2neuro.cli.output import HELD, say
from ltc2neuro.cli.parser import Parser, executors, listed

NAME = "report"
HELP = "write a page that shows a saved network to others"


def add(parser: Parser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    parser.add_argument("samples", nargs="?", help="a .npy or .npz file; without it, the stored known-answer sequence")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the page, a .html file")
    add_metric(parser)
    parser.add_argument(
        "--calibration", metavar="FILE", help="the samples that the network was compiled with, to split its error"
    )
    parser.add_argument("--on", metavar="LIST", help="executors, separated by commas (default: every one installed)")
    parser.ending = executors
    add_axes(parser, "the network's own")


def run(options: argparse.Namespace) -> int:
    """Load, write, say where."""
    from ltc2neuro.cli import samples

    check_metric(options)
    net = with_axes(ltc2neuro.load(options.network), options)
    x = samples.inlet(options.samples, net.inputs and net.inputs.order)
    targets = samples.inlet(options.targets, net.answers.names)
    timespans, on = samples.given(options.timespans), listed(options.on)
    calibration = samples.inlet(options.calibration, net.inputs and net.inputs.order)
    net.report(options.output, None, x, targets, options.metric, timespans=timespans, on=on, calibration=calibration)
    size = Path(options.output).stat().st_size
    say(options, f"{options.output}: {size / 1e6:.2f} MB", {"report": options.output, "bytes": size})
    return HELD
