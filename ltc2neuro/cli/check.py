"""Check a saved network, or a torch model before it is compiled, against a chip's design rules: all findings at once.
Exit status: 0 no errors, 1 the chip cannot take it, 2 usage."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import ltc2neuro
from ltc2neuro.cli.advice import in_shell
from ltc2neuro.cli.axes import batch_first
from ltc2neuro.cli.chips import add_target, target
from ltc2neuro.cli.models import add_model, build
from ltc2neuro.cli.output import HELD, MISSED, say
from ltc2neuro.errors import InputError

if TYPE_CHECKING:
    from compiler.rules import Finding

NAME = "check"
HELP = "list what a chip cannot do with a network or a model"
OF_A_MODEL = (
    "calibration", "arg", "state", "answer", "weights", "precision", "dt", "timespans", "time_first", "batch_first",
    "no_microcode",
)  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("design", help="a .l2n file, or a model: train.py:build, an .onnx or .keras file")
    add_target(parser, None)
    model = parser.add_argument_group("for a model", "as for compile; --calibration is needed")
    add_model(model, required=False)


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
    if options.calibration is None:
        raise InputError(
            "a model is checked on calibration data",
            where=options.design,
            advice="Add --calibration FILE; a compiled network is a .l2n file.",
        )
    chip, built = target(options), build(options.design, options)
    found = ltc2neuro.check(
        built.model,
        chip,
        built.calibration,
        timespans=built.timespans,
        precision=options.precision,
        dt=built.dt,
        batch_first=batch_first(options),
        microcode=not options.no_microcode,
    )
    return found, chip.name


def _plain(finding: Finding) -> dict[str, str]:
    names = ("rule", "where", "message", "numbers", "limit", "advice")
    return {**{name: getattr(finding, name) for name in names}, "severity": finding.severity.value}
