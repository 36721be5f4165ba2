"""Check a saved network. Alone: its stored known-answer sequence on every executor installed here. With samples: how
far the integers are from the float network, and whether limits hold. Exit status: 0 held, 1 missed, 2 usage."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import ltc2neuro
from ltc2neuro.cli.axes import add_axes, with_axes
from ltc2neuro.cli.measures import add_metric, add_metric_change, check_metric, fraction
from ltc2neuro.cli.output import HELD, MISSED, say
from ltc2neuro.cli.parser import Parser, executors, listed
from ltc2neuro.errors import InputError

NAME = "verify"
HELP = "check whether a saved network still does what it should"


def add(parser: Parser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    parser.add_argument("samples", nargs="?", help="a .npy or .npz file; without it, the stored known-answer sequence")
    add_axes(parser, "the network's own")
    add_metric(parser)
    parser.add_argument("--on", metavar="LIST", help="executors, separated by commas (default: every one installed)")
    parser.ending = executors
    parser.add_argument("--min-sqnr", type=float, metavar="DB", help="minimum SQNR of outputs and of each state, in dB")
    parser.add_argument(
        "--max-clipped",
        type=fraction,
        metavar="FRACTION",
        help="largest share of a channel's or state's values clipped to its calibrated range, such as 0.001 or 0.1%%",
    )
    add_metric_change(parser)
    parser.add_argument("--causes", action="store_true", help="split the error by value and by cause")
    parser.add_argument(
        "--calibration", metavar="FILE", help="with --causes: the samples that the network was compiled with"
    )


def run(options: argparse.Namespace) -> int:
    """Load, verify, print what was found."""
    from ltc2neuro.cli import samples

    check_metric(options)
    if options.samples is None and (options.targets or options.min_sqnr is not None or options.max_clipped is not None):
        raise InputError("limits need samples", advice="Write: ltc2neuro verify NETWORK SAMPLES ...")
    if options.causes and options.samples is None:
        raise InputError("--causes needs samples", advice="Write: ltc2neuro verify NETWORK SAMPLES --causes")
    if options.calibration is not None and not options.causes:
        raise InputError("--calibration goes with --causes")
    net = with_axes(ltc2neuro.load(options.network), options)
    on = listed(options.on)
    x = samples.inlet(options.samples, net.inputs and net.inputs.order)
    targets = samples.inlet(options.targets, net.answers.names)
    timespans = samples.given(options.timespans)
    verification = ltc2neuro.verify(
        net,
        None,
        x,
        targets=targets,
        metric=options.metric,
        on=on,
        min_sqnr=options.min_sqnr,
        max_metric_change=options.max_metric_change,
        timespans=timespans,
        max_clipped=options.max_clipped,
    )
    text = str(verification)
    data: dict[str, object] = {"passed": verification.passed, "rows": [asdict(row) for row in verification.rows]}
    if options.causes and x is not None:
        calibration = samples.inlet(options.calibration, net.inputs and net.inputs.order)
        causes = ltc2neuro.attribute(net, x, targets, options.metric, timespans=timespans, calibration=calibration)
        text, data["causes"] = f"{text}\n\n{causes}", asdict(causes)
    say(options, text, {**data, "text": text})
    return HELD if verification.passed else MISSED
