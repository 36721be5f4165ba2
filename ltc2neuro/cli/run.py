"""Run a saved network over samples."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from ltc2neuro.cli.axes import add_axes, with_axes
from ltc2neuro.cli.output import HELD, say

if TYPE_CHECKING:
    from ltc2neuro.arrays import Floats
    from ltc2neuro.cli.samples import Samples
    from ltc2neuro.network import Network

NAME = "run"
HELP = "a saved network over samples"

SEQUENCES = {"lava": 4, "lava-fused": 512}
"""How many sequences are run between two steps of the progress bar; 64 elsewhere."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    parser.add_argument("samples", help="a .npy file (batch, time, features), or .npz with one array a sequence")
    parser.add_argument("--timespans", metavar="FILE", help="the time before each sample, .npy (batch, time) or .npz")
    add_axes(parser, "as it was compiled for")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write the outputs (batch, time, outputs)")
    parser.add_argument(
        "--on",
        default="reference",
        metavar="EXECUTOR",
        help="reference (default), floating, lava, lava-fused, or loihi2 where there is a chip",
    )


def run(options: argparse.Namespace) -> int:
    """Load, run in parts, write."""
    import ltc2neuro
    from ltc2neuro.cli import samples

    net = with_axes(ltc2neuro.load(options.network), options)
    x = samples.load(options.samples)
    if options.output:
        samples.check_target(options.output, x)
    spans = samples.load(options.timespans) if options.timespans else None
    outputs, saturations = _run(net, x, spans, options)
    if options.output:
        samples.save(options.output, outputs)
    shape = f"{len(outputs)} sequences" if isinstance(outputs, list) else f"outputs {outputs.shape}"
    saturated = ", ".join(f"{name} {count}" for name, count in saturations.items()) or "none"
    if options.on.startswith(("lava", "loihi2")):
        saturated += f" (of the input: {options.on} counts no others, reference counts all)"
    text = f"ran {shape} on {options.on}; saturations: {saturated}"
    say(
        options,
        f"{text}\nwrote {options.output}" if options.output else f"{text}\n{outputs}",
        {
            "on": options.on,
            "output": options.output,
            "saturations": dict(saturations),
            **({} if options.output else {"outputs": list(outputs)}),
        },
    )
    return HELD


def _run(
    net: Network, x: Samples, spans: Samples | None, options: argparse.Namespace
) -> tuple[Floats | list[Floats], Counter[str]]:
    """The outputs of all sequences, in parts so that a progress bar can show them, and the saturations."""
    import numpy as np
    from tqdm import tqdm

    on = options.on
    part = SEQUENCES.get(on, 64)
    saturations: Counter[str] = Counter()
    # what is neither a list nor three axes is refused by the run
    rows = x if isinstance(x, list) else net.layout.rows(x) if x.ndim == 3 else []
    if len(rows) <= part:
        result = net.run(x, on=on, timespans=spans)
        saturations.update(result.saturations)
        return result.outputs, saturations
    outputs: list[Floats] = []
    span_rows = net.layout.rows(spans) if isinstance(spans, np.ndarray) and spans.ndim > 1 else spans
    with tqdm(total=len(rows), unit="sequence", disable=True if options.json else None, leave=False) as bar:
        for start in range(0, len(rows), part):
            part_spans = None if span_rows is None else list(span_rows[start : start + part])
            result = net.run(rows[start : start + part], on=on, timespans=part_spans)
            saturations.update(result.saturations)
            outputs.extend(result.outputs)
            bar.update(len(result.outputs))
    return net.layout.stacked_answers(outputs) if isinstance(x, np.ndarray) else outputs, saturations
