"""Check a saved network, or a torch model before it is compiled, against a chip's design rules: all findings at once.
Exit status: 0 no errors, 1 the chip cannot take it, 2 usage."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import ltc2neuro
from ltc2neuro import extras
from ltc2neuro.cli.axes import add_axes, batch_first
from ltc2neuro.cli.chips import add_target, target
from ltc2neuro.cli.output import HELD, MISSED, note, say, stages
from ltc2neuro.cli.words import in_shell
from ltc2neuro.errors import InputError

if TYPE_CHECKING:
    from compiler.rules import Finding

NAME = "check"
HELP = "list what a chip cannot do with a network or a model"
OF_A_MODEL = (
    "calibration", "arg", "weights", "precision", "dt", "timespans", "time_first", "batch_first", "no_microcode",
)  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("design", help="a .l2n file, or a function that returns a model, such as train.py:build")
    add_target(parser, None)
    model = parser.add_argument_group("for a model", "as for compile; --calibration is needed")
    model.add_argument("--calibration", metavar="FILE", help="typical samples: .npy (batch, time, features) or .npz")
    model.add_argument("--arg", action="append", default=[], metavar="NAME=VALUE", help="an argument of the factory")
    model.add_argument(
        "--weights",
        metavar="FILE",
        help="trained weights: .safetensors, .pt, .pth or .ckpt; FILE:KEY takes the table under that key",
    )
    model.add_argument("--precision", metavar="NAME", help="a named precision (default: the chip's own)")
    model.add_argument("--dt", type=float, default=None, help="time from sample to sample (default: 1)")
    model.add_argument("--timespans", metavar="FILE", help="the time before each sample, .npy (batch, time) or .npz")
    model.add_argument("--no-microcode", action="store_true", help="for a network of Lava's library processes alone")
    add_axes(model, "a model that reads time first is asked about")


def run(options: argparse.Namespace) -> int:
    """Load or build, check, print all findings."""
    from compiler.rules import errors

    found, chip = _network(options) if options.design.endswith(".l2n") else _model(options)
    wrong = len(errors(found))
    total = f"{chip}: {wrong} errors, {len(found) - wrong} warnings" if found else f"{chip}: no design rule is broken"
    say(
        options,
        "\n\n".join([*(in_shell(str(f)) for f in found), total]),
        {"chip": chip, "passed": not wrong, "findings": [_plain(f) for f in found]},
    )
    return MISSED if wrong else HELD


def _network(options: argparse.Namespace) -> tuple[list[Finding], str]:
    for name in OF_A_MODEL:
        if getattr(options, name):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} is for a model, and {options.design} is compiled", advice="Leave it out.")
    net = ltc2neuro.load(options.design)
    chip = target(options, net.chip)
    return ltc2neuro.check(net, chip), chip.name


def _model(options: argparse.Namespace) -> tuple[list[Finding], str]:
    from ltc2neuro.cli import samples

    if options.calibration is None:
        raise InputError(
            "a model is checked on calibration data",
            where=options.design,
            advice="Add --calibration FILE; a compiled network is a .l2n file.",
        )
    extras.TORCH.require()
    chip = target(options)
    calibration = samples.load(options.calibration)
    spans = samples.load(options.timespans) if options.timespans else None

    from ltc2neuro.loading.factory import build_model

    model = build_model(options.design, options.arg)
    if options.weights:
        from ltc2neuro.loading.weights import load_weights, split_key

        note(options, f"weights: {load_weights(model, *split_key(options.weights))}")
    dt = 1.0 if options.dt is None else options.dt
    with stages(options, most=3):
        found = ltc2neuro.check(
            model,
            chip,
            calibration,
            timespans=spans,
            precision=options.precision,
            dt=dt,
            batch_first=batch_first(options),
            microcode=not options.no_microcode,
        )
    return found, chip.name


def _plain(finding: Finding) -> dict[str, str]:
    names = ("rule", "where", "message", "numbers", "limit", "advice")
    return {**{name: getattr(finding, name) for name in names}, "severity": finding.severity.value}
