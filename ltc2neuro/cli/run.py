"""Run a saved network on samples."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

import ltc2neuro
from ltc2neuro.cli.advice import in_shell
from ltc2neuro.cli.axes import add_axes, with_axes
from ltc2neuro.cli.output import HELD, note, say
from ltc2neuro.cli.parser import Parser, executors
from ltc2neuro.progressing import sequences as counted

if TYPE_CHECKING:
    from hw_models.arrays import Floats
    from ltc2neuro.cli.samples import FileInputs, FileSamples
    from ltc2neuro.compiled.answers import Answers
    from ltc2neuro.compiled.clipped import Clipped
    from ltc2neuro.compiled.runs import AnyParts

NAME = "run"
HELP = "run a saved network on samples"


def add(parser: Parser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    parser.add_argument("samples", help="a .npy file (batch, time, features), or .npz with one array per sequence")
    add_axes(parser, "the network's own")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write the outputs (batch, time, outputs)")
    parser.add_argument("--on", metavar="EXECUTOR", help="one of those below (default: the fastest that is installed)")
    parser.ending = executors
    parser.add_argument("--strict", action="store_true", help="make clipping to calibrated ranges an error")


def run(options: argparse.Namespace) -> int:
    """Load, run in parts, write."""
    from ltc2neuro.cli import samples
    from ltc2neuro.compiled.clipped import ADVICE, tell
    from ltc2neuro.compiled.default_executor import usual

    net = with_axes(ltc2neuro.load(options.network), options)
    x = samples.load(options.samples, net.inputs and net.inputs.order)
    if options.output:
        samples.check_target(options.output, x, several=net.answers.several)
    timespans = samples.given(options.timespans)
    on = options.on or usual(net.parts, net.parts.host.sequences(x, timespans).arrays)
    outputs, saturations, clipped = _run(net.parts, x, timespans, on)
    clipped = clipped.titled(net.parts.titles)
    if options.strict:
        tell(clipped, strict=True, stacklevel=1)
    elif clipped.text():
        told = f"values were clipped to their calibrated ranges: {clipped.text()}. {in_shell(ADVICE)}"
        note(options, f"ltc2neuro: warning: {told}")
    if options.output:
        samples.save(options.output, _named(net.answers, outputs))
    shape = f"{len(outputs)} sequences" if isinstance(outputs, list) else f"outputs {outputs.shape}"
    saturated = ", ".join(f"{name} {count}" for name, count in saturations.items()) or "none"
    if not net.parts.executor(on).counts:
        saturated += " (of the input only; reference counts all)"
    text = f"ran {shape} on {on}; saturations: {saturated}"
    say(
        options,
        f"{text}\nwrote {options.output}" if options.output else f"{text}\n{_named(net.answers, outputs)}",
        {
            "on": on,
            "output": options.output,
            "saturations": dict(saturations),
            "clipped": clipped.text(),
            **({} if options.output else {"outputs": _named(net.answers, outputs)}),
        },
    )
    return HELD


def _named(answers: Answers, outputs: Floats | list[Floats]) -> Floats | list[Floats] | dict[str, Floats]:
    """Several answers by their names; those of a list of sequences have its number after a dot."""
    if not answers.several:
        return outputs
    if not isinstance(outputs, list):
        return dict(zip(answers.names, answers.apart(outputs), strict=True))
    return {
        f"{name}.{n}": part
        for n, y in enumerate(outputs)
        for name, part in zip(answers.names, answers.apart(y), strict=True)
    }


def _run(
    parts: AnyParts, x: FileInputs, timespans: FileSamples | None, on: str
) -> tuple[Floats | list[Floats], Counter[str], Clipped]:
    """The outputs of all sequences, in parts so that a progress bar can show them; saturations; what was clipped."""
    from ltc2neuro.compiled.clipped import Clipped
    from ltc2neuro.compiled.runs import clipped_of, run_network
    from ltc2neuro.inputs.arrays import Sequences

    part = parts.executor(on).part
    saturations: Counter[str] = Counter()
    clipped = Clipped()
    x_all = parts.host.sequences(x, timespans)
    if len(x_all.arrays) <= part:
        whole = run_network(parts, x_all, on)
        saturations.update(whole.saturations)
        return whole.outputs, saturations, clipped_of(parts, x_all, whole, None)
    outputs: list[Floats] = []
    with counted(len(x_all.arrays)) as shown:
        for start in range(0, len(x_all.arrays), part):
            sequences = Sequences(x_all.arrays[start : start + part], ragged=True)
            result = run_network(parts, sequences, on)
            saturations.update(result.saturations)
            clipped = clipped.joined(clipped_of(parts, sequences, result, None))
            outputs.extend(result.outputs)
            shown.update(len(result.outputs))
    return outputs if x_all.ragged else x_all.layout.stacked(outputs, answers=True), saturations, clipped
