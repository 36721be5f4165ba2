"""Compile a trained classifier of digits, run it on the reference and on Lava, and plot the results."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from ltc2neuro import extras
from ltc2neuro.cli.output import HELD, say

NAME = "demo"
HELP = "take a trained network from torch to Lava, explained"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("-o", "--output", metavar="FILE", default="demo.png", help="the plot (default: demo.png)")


def run(options: argparse.Namespace) -> int:
    """Check that its packages are here, and run it. With --json what it tells goes to standard error."""
    extras.DEMO.require()
    from ltc2neuro.demo.demo import demo

    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        demo(options.output)
    say(options, "", {"plot": options.output})
    return HELD
