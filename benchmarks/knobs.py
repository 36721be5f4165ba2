"""What each field of `Precision` buys and costs, on an LTC and a CfC: makes `docs/precision.md` and its plot.

python benchmarks/knobs.py [--weights FOLDER] [--out docs/precision.md]
"""

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cell_models import MODELS, score
from costs import CALIBRATION
from tasks import Task
from trained import TRAINED

import ltc2neuro
from compiler.interpreters.float64 import run_float
from ltc2neuro import Precision
from ltc2neuro.metrics import sqnr

TESTED = 128
SETTINGS: dict[str, Precision | str] = {
    "default": "default",
    '"small"': "small",
    '"accurate"': "accurate",
    **{f"weight={n}": Precision(weight=n) for n in (3, 4, 6)},
    "calibrated_weights=False": Precision(calibrated_weights=False),
    "split_weights": Precision(split_weights=True),
    "split_weights, split_messages": Precision(split_weights=True, split_messages=True),
    "segments=4": Precision(segments=4),
    "segments=16": Precision(segments=16),
    "parameter=12": Precision(parameter=12),
    "operand=14": Precision(operand=14),
    "argument_fraction=10": Precision(argument_fraction=10),
    "wide_products=False": Precision(wide_products=False),
    "whole_products": Precision(whole_products=True),
}
TEXT = """# Which knob for which need

Each row is the default with one thing changed, on `loihi2`; measured by `python benchmarks/knobs.py --out
docs/precision.md` on {tested} test sequences of digits. **dB** is the SQNR of the worst output channel, **time** that
of a sample by [the cost model](loihi2-cost.md), the accuracy is that of all test sequences.

| you want | for cells of matrices (CfC, LSTM, GRU) | for conductances (LTC) |
|---|---|---|
| more decibels | `split_weights`, `split_messages`, `whole_products`: `"accurate"` | `segments=16` |
| fewer synapses' bits | `weight` | it changes nothing here |
| less time | `segments=4`; split only where it counts: [search](search.md) | [more cores](search.md) |
| to know which | `print(ltc2neuro.attribute(net, x))`: [where every decibel goes](causes.md) | the same |

{tables}
![SQNR against the time of a sample](precision.svg)

A line connects the settings that no other one beats. What a single value needs is said by its name:
`Precision(overrides={{"sigmoid_2": {{"segments": 16}}}})`. [Widths](numerics.md) tells why the default is what it is.

## Few parameter bits
`ltc2neuro.tune(net, x)` returns the network with other constants where it adds them (leaks, resting currents, the
sigmoids' centres), learned from the float network: nothing else changes, neither formats and weights nor time and
energy. A third of `x` only judges, and what is not better there is not taken; `net.passes` tell what was done.
`compile(..., tune=True)`, on the shell `ltc2neuro compile --tune`, does the same on the calibration.
The LTC of above, tuned on 200 sequences, on 128 of the test set (`python benchmarks/tuned.py`):

| parameter | dB | tuned | CPU time |
|---|---|---|---|
| 6 | 19.4 | 26.3 | 15 s |
| 8 | 34.6 | 41.9 | 14 s |
| 16 | 71.1 | 75.8 | 13 s |

At the 16 bits of the default it is rarely worth it: the accuracy above is the same from 54 dB on.
"""


@dataclass(frozen=True)
class Point:
    """A setting, and what it came to."""

    name: str
    decibels: float
    seconds: float
    accuracy: float


def measure(model: torch.nn.Module, task: Task) -> list[Point]:
    """Every setting, of a model that answers at the last step."""
    found = []
    for name, precision in SETTINGS.items():
        net = ltc2neuro.compile(model, task.x_train[:CALIBRATION], precision=precision)
        x = task.x_test[:TESTED]
        db = sqnr([run_float(net.float_graph, x).outputs[:, -1]], [np.asarray(net(x))])
        found.append(Point(name, db, net.cost().sample.default, score(task, np.asarray(net(task.x_test)))))
        print(found[-1], flush=True)
    return found


def table(name: str, points: list[Point]) -> str:
    """Of a network, in Markdown."""
    rows = [f"| {p.name} | {p.decibels:.1f} | {1e6 * p.seconds:.1f} us | {100 * p.accuracy:.2f} % |" for p in points]
    return "\n".join([f"## {name}", "| setting | dB | time | accuracy |", "|---|---|---|---|", *rows, ""])


def front(points: list[Point]) -> list[Point]:
    """Those that no other one beats in both, the fastest first."""
    return sorted(
        (p for p in points if not any(o.seconds <= p.seconds and o.decibels > p.decibels for o in points)),
        key=lambda p: p.seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What each field of Precision buys and costs.")
    parser.add_argument("--weights", type=Path, help="keep trained weights here, and take them from here")
    parser.add_argument("--out", type=Path, help="write the page here, and its plot beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    lead = next(t for t in TRAINED if t.name == "digits_ltc")
    cell = next(m for m in MODELS if m.name == "ncps CfC, default" and m.task.__name__ == "digits")
    found = {
        "A CfC of 24 units": measure(cell.trained(cell.task(), arguments.weights), cell.task()),
        "An LTC of 32 units, `AutoNCP(32, 10)`": measure(lead.model(), lead.task()),
    }
    tables = "\n".join(table(name, points) for name, points in found.items())
    page = TEXT.format(tested=TESTED, tables=tables)
    figure, axes = plt.subplots(1, len(found), figsize=(10, 4))
    for ax, (name, points) in zip(axes, found.items(), strict=True):
        best = front(points)
        ax.plot([1e6 * p.seconds for p in best], [p.decibels for p in best], color="0.6")
        ax.plot([1e6 * p.seconds for p in points], [p.decibels for p in points], "o")
        for p in best:
            ax.annotate(p.name, (1e6 * p.seconds, p.decibels), fontsize=7)
        ax.set(title=name.replace("`", ""), xlabel="time a sample, us", ylabel="SQNR of the worst output channel, dB")
    if arguments.out is not None:
        arguments.out.write_text(page, encoding="utf-8")
        figure.savefig(arguments.out.with_suffix(".svg"), bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
