"""Compile a torch model to an integer network and save it."""

from __future__ import annotations

import argparse

import ltc2neuro
from ltc2neuro import extras
from ltc2neuro.cli.axes import add_axes, batch_first
from ltc2neuro.cli.chips import add_target, target
from ltc2neuro.cli.output import HELD, note, say, stages

NAME = "compile"
HELP = "compile a torch model to an integer network, saved as .l2n"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("factory", help="a function that returns the model: train.py:build or package.module:build")
    parser.add_argument(
        "--arg", action="append", default=[], metavar="NAME=VALUE", help="an argument of the factory; repeat for more"
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="trained weights: .safetensors, .pt, .pth or .ckpt; FILE:KEY takes the table under that key",
    )
    parser.add_argument(
        "--calibration", metavar="FILE", required=True, help="typical samples: .npy (batch, time, features) or .npz"
    )
    add_target(parser, "loihi2")
    parser.add_argument("--precision", metavar="NAME", help="a named precision (default: the chip's own)")
    parser.add_argument("--dt", type=float, default=1.0, help="time from sample to sample (default: 1)")
    parser.add_argument("--timespans", metavar="FILE", help="the time before each sample, .npy (batch, time) or .npz")
    parser.add_argument(
        "--no-microcode", action="store_true", help="use Lava's library processes alone: neurons need no programs"
    )
    add_axes(parser, "a model that reads time first is asked about")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write the network, a .l2n file")


def run(options: argparse.Namespace) -> int:
    """Build, load, compile, save."""
    from ltc2neuro.cli import samples

    extras.TORCH.require()
    samples.require_folder(options.output)
    calibration = samples.load(options.calibration)
    spans = samples.load(options.timespans) if options.timespans else None

    from ltc2neuro.loading.factory import build_model

    model = build_model(options.factory, options.arg)
    loaded = None
    if options.weights:
        from ltc2neuro.loading.weights import load_weights, split_key

        loaded = load_weights(model, *split_key(options.weights))
        note(options, f"weights: {loaded}")
    else:
        note(options, "weights: as the factory made them; --weights FILE loads trained ones")
    with stages(options, most=4):
        net = ltc2neuro.compile(
            model,
            calibration,
            timespans=spans,
            chip=target(options),
            precision=options.precision,
            dt=options.dt,
            batch_first=batch_first(options),
            microcode=not options.no_microcode,
        )
    net.save(options.output)
    say(
        options,
        f"{net}\nwrote {options.output}",
        {"output": options.output, "summary": str(net), "weights": loaded and str(loaded)},
    )
    return HELD
