"""--time-first, --batch-first and --timespans: how the arrays in files lie, and the time before each sample."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ltc2neuro.compiled.network import BaseNetwork

N = TypeVar("N", bound="BaseNetwork")


def add_axes(parser: argparse._ActionsContainer, default: str) -> None:
    """The options; `default` says how arrays lie without the first two."""
    parser.add_argument("--timespans", metavar="FILE", help="the time before each sample, .npy (batch, time) or .npz")
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--time-first", action="store_true", help=f"arrays are (time, batch, features), in and out (default: {default})"
    )
    either.add_argument("--batch-first", action="store_true", help="arrays are (batch, time, features), in and out")


def batch_first(options: argparse.Namespace) -> bool | None:
    """What was said, as `compile` takes it."""
    return True if options.batch_first else False if options.time_first else None


def with_axes(net: N, options: argparse.Namespace) -> N:
    """`net` for arrays that lie as the options say, or as it was compiled for."""
    if batch_first(options) is None:
        return net
    return replace(net, layout=net.layout.told(time_first=options.time_first))
