"""Run a saved network over a data set of any size, here, in several processes or on a cluster of Dask: task metrics,
SQNR against the float network, what was clipped. The result is the same however the work is shared or resumed."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import ltc2neuro
from ltc2neuro.cli.axes import add_axes, with_axes
from ltc2neuro.cli.output import HELD, say
from ltc2neuro.cli.parser import METRICS, Parser, executors

if TYPE_CHECKING:
    from ltc2neuro.evaluation.pools import WorkerPool

NAME = "evaluate"
HELP = "run a saved network over a data set of any size, on one machine or many"


def add(parser: Parser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    parser.add_argument(
        "data", help="a .npy file, an .npz file, or a folder of .npz files with arrays x, targets and timespans"
    )
    parser.add_argument(
        "--targets", metavar="FILE", help="what the model should answer, .npy; of a folder the name of the arrays"
    )
    parser.add_argument(
        "--metric", action="append", choices=METRICS, help="how outputs and targets are compared; repeat for more"
    )
    add_axes(parser, "the network's own")
    parser.add_argument("--on", metavar="EXECUTOR", help="one of those below (default: the fastest that is installed)")
    parser.ending = executors
    parser.add_argument("--no-float", action="store_true", help="leave out the float network, which takes long")
    parser.add_argument("--activity", action="store_true", help="count the messages that neurons send, tick by tick")
    parser.add_argument("--journal", metavar="FILE", help="a .json file from which a run that was broken off goes on")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--processes", type=int, metavar="N", help="share the work among so many processes here")
    where.add_argument(
        "--dask", metavar="ADDRESS", help="share it among Dask's workers: its scheduler, tcp://HOST:PORT"
    )


def run(options: argparse.Namespace) -> int:
    """Load, evaluate, print."""
    net = with_axes(ltc2neuro.load(options.network), options)
    with _workers(options) as executor:
        found = ltc2neuro.evaluate(
            net,
            options.data,
            metric=options.metric,
            targets=options.targets,
            executor=executor,
            timespans=options.timespans,
            on=options.on,
            against_float=not options.no_float,
            activity=options.activity,
            journal=options.journal,
            progress=not options.json,
        )
    say(options, str(found), {**found.plain(), "text": str(found)})
    return HELD


def _workers(options: argparse.Namespace) -> AbstractContextManager[WorkerPool | None]:
    """Whoever does the work: None for this process."""
    from ltc2neuro.cli.processes import processes
    from ltc2neuro.evaluation.pools import cluster

    if options.processes is not None:
        return processes(options.processes)
    return nullcontext() if options.dask is None else cluster(options.dask)
