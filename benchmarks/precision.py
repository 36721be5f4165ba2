"""What each choice of `Precision` is worth: the SQNR of every trained LTC's worst state, one change at a time.

    python benchmarks/precision.py

`docs/numerics.md` quotes it. The truth is torch in float64, on the first 128 test sequences.
"""

from dataclasses import replace

import numpy as np
import torch
from fidelity import TRAINED, MissingDataError, Trained, torch_run
from table import show

import ltc2neuro
from compiler.quantize.precision import precision_for
from hw_models.chip import load_chip
from ltc2neuro import Precision
from ltc2neuro.metrics import sqnr

SEQUENCES = 128


def variants() -> dict[str, Precision]:
    """The settings by name, and the default with one thing changed."""
    chip = load_chip("loihi2")
    default = precision_for(chip)
    return {
        "default": default,
        '"small"': precision_for(chip, "small"),
        "narrow products of values": replace(default, wide_products=False),
        **{f"{n} segments": replace(default, segments=n) for n in (4, 6, 12, 16)},
        "degree 2, 16 segments": replace(default, degree=2, segments=16),
        **{f"operands of {n} bits": replace(default, operand=n) for n in (12, 14, 16)},
        **{f"parameters of {n} bits": replace(default, parameter=n) for n in (8, 10, 12, 14)},
        **{f"arguments with {n} fraction bits": replace(default, argument_fraction=n) for n in (8, 10, 12)},
        "words of 20 bits": replace(default, word=20),
    }


def states_db(trained: Trained, settings: dict[str, Precision]) -> list[float]:
    """Of every setting."""
    task, model = trained.task(), trained.model()
    x = task.x_test[:SEQUENCES]
    nets = [ltc2neuro.compile(model, task.x_train, precision=p) for p in settings.values()]
    _, truth = torch_run(model, x)
    found = []
    for net in nets:
        ((name, states),) = net.run(x).states.items()
        found.append(sqnr([truth], [np.asarray(states) * net.state_lsb(name)]))
    return found


def main() -> None:
    torch.set_num_threads(1)
    settings = variants()
    columns: dict[str, list[float]] = {}
    for trained in TRAINED:
        try:
            columns[trained.name] = states_db(trained, settings)
        except MissingDataError as error:
            print(f"{trained.name} skipped: {error}")
    rows = [[name, *(f"{column[i]:.1f}" for column in columns.values())] for i, name in enumerate(settings)]
    show(["states' SQNR in dB", *columns], rows)


if __name__ == "__main__":
    main()
