"""The demo: a trained classifier of handwritten digits from torch to Lava, explained on the way, and one plot.

The network, its training script and its weights are those of `examples/`; the images come with scikit-learn.
"""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import ltc2neuro
from compiler.mapping.titles import titles
from hw_models.arrays import Floats, Integers
from hw_models.errors import InputError
from hw_models.explain import band_text
from ltc2neuro import metrics
from ltc2neuro.compiled.run import Run
from ltc2neuro.demo import plot as demo_plot
from ltc2neuro.extras import LAVA
from ltc2neuro.loading.factory import build_model
from ltc2neuro.loading.weights import load_weights
from ltc2neuro.network import Network

MAPPED_SEQUENCES = 12
"""Mapped Lava takes real ticks, so only the first few images go there."""


@dataclass(frozen=True)
class Digits:
    """Images of handwritten digits as sequences (batch, 8 rows, 8 pixels), pixels in 0..1, and their labels."""

    x_train: npt.NDArray[np.float32]
    y_train: Integers
    x_test: npt.NDArray[np.float32]
    y_test: Integers


def load_digits() -> Digits:
    """The images of scikit-learn, read row by row; 70 % are for training, always the same."""
    from sklearn.datasets import load_digits as load

    images, labels = load(return_X_y=True)
    x = (np.asarray(images).reshape(-1, 8, 8) / 16).astype(np.float32)
    y = np.asarray(labels).astype(np.int64)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = np.split(order, [int(0.7 * len(x))])
    return Digits(x[train], y[train], x[test], y[test])


def demo(plot: str | Path) -> None:
    """Compile, run and compare; write the plot to `plot`, a PNG. Every step says what it does.

    Raises `InputError` where the examples are not beside the package or inside it, or the plot cannot be written.
    """
    plot = _writable(Path(plot))
    torch.set_num_threads(1)
    digits = load_digits()
    _title("1. A trained liquid network")
    model = _trained()
    _title("2. Compiled to integers")
    net = _compiled(model, digits)
    _chip(net)
    _title("3. The same integers, one executor after the other")
    reference = _reference(net, digits)
    _lava(net, digits, reference)
    _title("4. Do the integers still do what the floats did?")
    _compare(net, model, digits, reference)
    _title("5. A look inside")
    _draw(net, digits, plot)


def _writable(plot: Path) -> Path:
    if plot.suffix != ".png":
        raise InputError("the plot is a PNG file", where=str(plot), advice="Give it a name that ends in .png.")
    if not plot.parent.is_dir():
        raise InputError("there is no such folder to write to", where=str(plot.parent))
    try:
        plot.open("ab").close()
        if not plot.stat().st_size:
            plot.unlink()
    except OSError as error:
        raise InputError(f"cannot write the plot: {error.strerror}", where=str(plot)) from error
    return plot


def _trained() -> torch.nn.Module:
    model = build_model(f"{examples() / 'train_digits_ltc.py'}:build")
    load_weights(model, examples() / "weights" / "digits_ltc.safetensors")
    model.eval()
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    _say(
        f"An LTC of the ncps package with 32 neurons, trained in torch ({parameters:,} float parameters). It sees an "
        "image of a handwritten digit one row of 8 pixels at a time. Its neurons are differential equations whose "
        "time constants depend on what they see; after the eighth row, the strongest of ten motor neurons names the "
        "digit. It was trained by examples/train_digits_ltc.py."
    )
    return model


def _compiled(model: torch.nn.Module, digits: Digits) -> Network:
    start = time.perf_counter()
    net = ltc2neuro.compile(model, digits.x_train)
    seconds = time.perf_counter() - start
    _say(
        f"compile() ran the model once on symbolic tensors, proved the trace against torch on the "
        f"{len(digits.x_train)} training images, simplified it, and chose an integer format for every value: "
        f"{seconds:.1f} s. From here on there are only integer adds, multiplies, shifts and compares that the neuron "
        "programs of a Loihi 2 chip have: no division, no exponential, 24-bit words."
    )
    return net


def _draw(net: Network, digits: Digits, plot: Path) -> None:
    shown = demo_plot.choose(digits.y_test, np.argmax(np.asarray(net(digits.x_test)), -1))
    demo_plot.draw(net, digits.x_test[shown], digits.y_test[shown], plot)
    _say(
        f"{plot} shows {len(shown)} test images as the network reads them: the states of the motor neurons, and "
        "their liquid time constants, which change from row to row. Lines are float, dots are integers."
    )


def examples() -> Path:
    """The folder of the examples: in a checkout beside the package, in an installed wheel inside it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "examples", package.parent / "examples"):
        if (folder / "train_digits_ltc.py").is_file():
            return folder
    raise InputError(
        "the examples are not here",
        where=str(package.parent / "examples"),
        advice="Run the demo from a checkout, or install the wheel again.",
    )


def _chip(net: Network) -> None:
    mapped = net.mapped()
    named = titles(mapped)
    neurons = ", ".join(f"{named[p.name]} ({p.size} of them)" for p in mapped.populations)
    _say(
        f"On the chip it is {len(mapped.populations)} populations, {neurons}, joined by {len(mapped.connections)} "
        f"connections; a row of pixels takes {mapped.ticks_per_sample} ticks. print(net) shows more."
    )
    cost = net.cost()
    _say(
        f"It takes {cost.placement.count} of the chip's {cost.chip.cores} cores. A row of pixels would take "
        f"{band_text(cost.sample, 's')} and {band_text(cost.energy, 'J')}: low, default and high, since few of its "
        "constants are published. print(net.cost()) shows more, ltc2neuro chips loihi2 where each comes from."
    )


def _reference(net: Network, digits: Digits) -> Run:
    start = time.perf_counter()
    run = net.run(digits.x_test)
    _say(
        f"Reference (NumPy, readable, the definition of what is right): all {len(digits.x_test)} test images in "
        f"{time.perf_counter() - start:.1f} s."
    )
    return run


def _lava(net: Network, digits: Digits, reference: Run) -> None:
    """Run Lava in both ways and say whether it returned the reference's integers."""
    if LAVA.missing():
        _say(f"Lava is not installed, so it is left out here. To see it, run: {LAVA.command}")
        return
    few = digits.x_test[:MAPPED_SEQUENCES]
    ways = [
        ("lava", few, "a process for each population, a message for each synapse, tick by tick as on the chip"),
        ("lava-fused", digits.x_test, "the same neuron programs in one process, all images side by side"),
    ]
    for on, x, how in ways:
        start = time.perf_counter()
        run = net.run(x, on=on)
        seconds = time.perf_counter() - start
        _say(f"{on} ({how}): {len(x)} images in {seconds:.1f} s. {_agreement(run, reference)}")


def _agreement(run: Run, reference: Run) -> str:
    """Compare outputs and states after every row of pixels, integer by integer."""
    expected = {"outputs": reference.integers, **reference.states}
    found = {"outputs": run.integers, **run.states}
    count = 0
    for name, values in found.items():
        got, wanted = np.asarray(values), np.asarray(expected[name])[: len(np.asarray(values))]
        if not np.array_equal(got, wanted):
            return f"{np.sum(got != wanted)} of {got.size} integers of {name} DIFFER from the reference."
        count += got.size
    return f"All {count:,} integers of outputs and states equal the reference's."


def _compare(net: Network, model: torch.nn.Module, digits: Digits, reference: Run) -> None:
    with torch.no_grad():
        scores = model(torch.from_numpy(digits.x_test))[0].numpy().astype(np.float64)
    integers = np.asarray(net.shaped(np.asarray(reference.outputs)))
    same = int(np.sum(scores.argmax(-1) == integers.argmax(-1)))
    _say(
        f"Digits named right: {_percent(scores, digits)} by torch in floating point, {_percent(integers, digits)} by "
        f"the integers; they give the same answer to {same} of {len(digits.x_test)} images."
    )
    _say(
        f"What varies in the score of each digit lies at least {metrics.sqnr([scores], [integers]):.1f} dB above the "
        "integers' error (SQNR; 60 dB is one part in a thousand). ltc2neuro.verify(net, model, x) says where the rest "
        "comes from."
    )


def _percent(scores: Floats, digits: Digits) -> str:
    return f"{100 * np.mean(scores.argmax(-1) == digits.y_test):.2f} %"


def _title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def _say(text: str) -> None:
    print(textwrap.fill(text, 100), flush=True)
