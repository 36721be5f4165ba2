"""A model on the command line: its factory, trained weights, and what it is compiled with."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ltc2neuro
from ltc2neuro import extras
from ltc2neuro.cli.axes import add_axes
from ltc2neuro.cli.chips import add_target
from ltc2neuro.cli.output import note
from ltc2neuro.errors import InputError

if TYPE_CHECKING:
    import torch

    from ltc2neuro.cli.samples import FileInputs, FileSamples

ONNX, KERAS = ".onnx", ".keras"


def add_compiling(parser: argparse.ArgumentParser) -> None:
    """Add what a command takes that compiles a model into a file."""
    parser.add_argument(
        "factory",
        help="a function that returns the model, train.py:build or package.module:build, or an .onnx or .keras file",
    )
    add_target(parser, "loihi2")
    add_model(parser, required=True)
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write the network, a .l2n file")


def add_model(parser: argparse._ActionsContainer, required: bool) -> None:
    """The options of `compile` that `check` takes, too; `required`: whether calibration is."""
    parser.add_argument(
        "--arg", action="append", default=[], metavar="NAME=VALUE", help="an argument of the factory; repeat for more"
    )
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        metavar="IN=OUT",
        help="of an ONNX model of one step: a state's input and output; repeat for more",
    )
    parser.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="OUT",
        help="of an ONNX model of several outputs: the one that it answers with; repeat for more",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="trained weights: .safetensors, .pt, .pth or .ckpt, or of a Keras model .weights.h5; FILE:KEY takes the "
        "table under that key",
    )
    parser.add_argument(
        "--calibration", metavar="FILE", required=required, help="typical samples: .npy (batch, time, features) or .npz"
    )
    parser.add_argument("--precision", metavar="NAME", help="a named precision (default: the chip's own)")
    parser.add_argument("--dt", type=float, default=None, help="time from sample to sample (default: 1)")
    parser.add_argument(
        "--no-microcode", action="store_true", help="use Lava's library processes alone: neurons need no programs"
    )
    add_axes(parser, "a model that reads time first is asked about")


@dataclass(frozen=True)
class Built:
    """A model, with the weights that it was told, and the samples for it."""

    model: torch.nn.Module
    calibration: FileInputs
    timespans: FileSamples | None
    dt: float
    weights: str | None
    """what was loaded, in words"""


def build(factory: str, options: argparse.Namespace) -> Built:
    """Load the samples, call the factory, load the weights."""
    from ltc2neuro.cli import samples

    extras.TORCH.require()
    found, timespans = samples.read_arrays(options.calibration), samples.given(options.timespans)

    model, loaded = _made(factory, options)
    if options.weights:
        from ltc2neuro.loading.weights import weights_into

        loaded = weights_into(model, options.weights)
        note(options, f"weights: {loaded}")
    from ltc2neuro.frontends.keras.model_argument import entered
    from ltc2neuro.inputs.files import contents_of
    from ltc2neuro.tracing.calling.arguments import order_of

    calibration = contents_of(found, order_of(entered(model)))
    return Built(model, calibration, timespans, 1.0 if options.dt is None else options.dt, loaded)


def _made(factory: str, options: argparse.Namespace) -> tuple[torch.nn.Module, str | None]:
    """The model of a factory, of an ONNX or of a Keras file, and where its weights are from."""
    from ltc2neuro.loading.factory import build_model

    if factory.endswith(ONNX):
        if options.arg:
            raise InputError("--arg is for a factory", where=factory, advice="States of an ONNX model: --state h=h2.")
        states = dict(_pair(text) for text in options.state)
        answer = options.answer if options.answer[1:] else next(iter(options.answer), None)
        return ltc2neuro.from_onnx(factory, states, answer), f"those of {factory}"
    for name in ("state", "answer"):
        if getattr(options, name):
            raise InputError(f"--{name} is for an ONNX model", where=factory, advice="Leave it out.")
    return build_model(factory, options.arg), f"those of {factory}" if factory.endswith(KERAS) else None


def _pair(text: str) -> tuple[str, str]:
    before, equals, after = text.partition("=")
    if not (before and equals and after):
        raise InputError(f"{text!r} names no state", advice="Name its input and its output: --state h=h2.")
    return before, after
