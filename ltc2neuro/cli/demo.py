"""Compile a trained classifier of digits, run it on the reference and on Lava, and plot what it did."""

from __future__ import annotations

import argparse

from ltc2neuro.cli.output import HELD

NAME = "demo"
HELP = "a trained network from torch to Lava, explained"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("-o", "--output", metavar="FILE", default="demo.png", help="the plot (default: demo.png)")


def run(options: argparse.Namespace) -> int:
    """Check that its packages are here, and run it."""
    from ltc2neuro import extras

    extras.DEMO.require()
    from ltc2neuro.demo import demo

    demo(options.output)
    return HELD
