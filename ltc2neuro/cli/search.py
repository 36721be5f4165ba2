"""Search for the cheapest precision that keeps what is asked for, and save its network. Each setting that is tried is
measured; the settings that no other one beats are printed."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from dataclasses import asdict

import ltc2neuro
from ltc2neuro.cli.axes import batch_first
from ltc2neuro.cli.chips import target
from ltc2neuro.cli.measures import add_metric, add_metric_change, check_metric
from ltc2neuro.cli.models import add_compiling, build
from ltc2neuro.cli.output import HELD, say
from ltc2neuro.cli.parser import COSTS
from ltc2neuro.errors import InputError

NAME = "search"
HELP = "find the cheapest precision that keeps a minimum SQNR, or a task metric"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    add_compiling(parser)
    parser.add_argument("--min-sqnr", type=float, metavar="DB", help="of the outputs (default: that of the start)")
    add_metric(parser)
    add_metric_change(parser)
    parser.add_argument("--minimise", choices=COSTS, default="time", help="what a sample is to cost least of")
    parser.add_argument(
        "--most-cores", type=int, metavar="N", help="spread the neurons over no more (1: over as few as it takes)"
    )
    parser.add_argument(
        "--budget", type=float, default=60.0, metavar="SECONDS", help="when no further setting is tried"
    )
    parser.add_argument("--journal", metavar="FILE", help="keeps what was tried, and goes on from there")
    parser.add_argument("--processes", type=int, metavar="N", help="measure in so many processes here")
    parser.add_argument("--seed", type=int, default=0, help="chooses the sequences that only judge")


def run(options: argparse.Namespace) -> int:
    """Build, load, search, save the best."""
    from ltc2neuro.cli import samples
    from ltc2neuro.cli.processes import processes

    if options.no_microcode:
        raise InputError("search needs microcode", advice="Leave out --no-microcode.")
    check_metric(options)
    samples.require_folder(options.output)
    targets = samples.targets(options.targets)
    built = build(options.factory, options)
    with nullcontext() if options.processes is None else processes(options.processes) as executor:
        found = ltc2neuro.search(
            built.model,
            built.calibration,
            targets,
            options.metric,
            min_sqnr=options.min_sqnr,
            max_metric_change=options.max_metric_change,
            minimise=options.minimise,
            most_cores=options.most_cores,
            budget_s=options.budget,
            start=options.precision,
            chip=target(options),
            timespans=built.timespans,
            dt=built.dt,
            batch_first=batch_first(options),
            journal=options.journal,
            executor=executor,
            seed=options.seed,
        )
    found.best.network.save(options.output)
    data = {"output": options.output, "front": [asdict(p.trial) for p in found.front], "best": asdict(found.best.trial)}
    data |= {
        "start": asdict(found.start),
        "cores": found.best.deployment.cores,
        "overlap": found.best.deployment.overlap.value,
    }
    say(options, f"{found}\nwrote {options.output}", {**data, "complete": found.complete, "text": str(found)})
    return HELD
