"""Write a saved network as an ONNX model or as C, which both compute the same integers."""

from __future__ import annotations

import argparse
from pathlib import Path

import ltc2neuro
from ltc2neuro.cli.output import HELD, say
from ltc2neuro.errors import InputError

NAME = "export"
HELP = "write a saved network as an ONNX model or as C"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    parser.add_argument("model", help="the file to write: .onnx, or .c")
    parser.add_argument("--step", action="store_true", help="one sample, states in and out; without: whole sequences")
    parser.add_argument("--integers", action="store_true", help="integers in and out, without the host's maps")
    parser.add_argument("--float", action="store_true", help="the model as it was traced, in float32, not the integers")


def run(options: argparse.Namespace) -> int:
    """Load and write."""
    from ltc2neuro.cli.samples import require_folder

    require_folder(options.model)
    net = ltc2neuro.load(options.network)
    suffix = Path(options.model).suffix
    if suffix not in (".onnx", ".c"):
        raise InputError(f"cannot write {suffix or 'a file without an ending'}", where=options.model, advice=ENDINGS)
    if suffix == ".c":
        if options.step or options.integers or options.float:
            raise InputError("--step, --integers and --float are of ONNX models", where=options.model, advice=PLAIN_C)
        net.to_c(options.model)
        return _written(options)
    form, graph = "step" if options.step else "sequence", "float" if options.float else "integer"
    net.to_onnx(options.model, form, graph=graph, real=not options.integers)
    return _written(options)


ENDINGS = "Name it .onnx for an ONNX model, or .c for C."
PLAIN_C = "Leave them out: C has a function for a sample, and the host's maps beside it."


def _written(options: argparse.Namespace) -> int:
    """Say what is there now."""
    size = Path(options.model).stat().st_size
    say(options, f"wrote {options.model}, {size:,} bytes", {"model": options.model, "bytes": size})
    return HELD
