"""Targets, the metric that is measured on them, and the limit of its change: options of several commands."""

from __future__ import annotations

import argparse

from ltc2neuro.cli.parser import METRICS
from ltc2neuro.errors import InputError


def add_metric(parser: argparse.ArgumentParser) -> None:
    """Add targets and a metric."""
    parser.add_argument("--targets", metavar="FILE", help="what the model should answer, .npy or .npz")
    parser.add_argument("--metric", choices=METRICS, help="how outputs and targets are compared")


def add_metric_change(parser: argparse.ArgumentParser) -> None:
    """Add the limit of the metric's change."""
    parser.add_argument(
        "--max-metric-change",
        type=fraction,
        metavar="FRACTION",
        help="largest change in the metric, such as 0.01 or 1%%: relative for mse and mae, absolute for the others",
    )


def check_metric(options: argparse.Namespace) -> None:
    """Raise `InputError` for targets without a metric, or the reverse, and for a limit without both."""
    if (options.targets is None) != (options.metric is None):
        raise InputError("--targets and --metric go together", advice="Give both or neither.")
    if getattr(options, "max_metric_change", None) is not None and options.metric is None:
        raise InputError("--max-metric-change needs --targets and --metric")


def fraction(text: str) -> float:
    """A fraction or a percentage.

    >>> fraction("0.01"), fraction("1%")
    (0.01, 0.01)
    """
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)
