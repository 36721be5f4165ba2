"""How far the integers are from torch for every cell, on `loihi2`, at four settings of `Precision`; and what it costs.

    python benchmarks/cells.py [--weights FOLDER] [--only WORD] [--out docs/fidelity.md]

Each network is trained for seconds on half-cheetah or digits (`cell_models.py`). The truth of outputs and states is
the float graph in float64, which compile has proved against torch; the metric's truth is torch itself.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cell_models import MODELS, SPIKING, TIMED, CellModel, score
from tasks import MissingDataError, Task

import ltc2neuro
from compiler.interpreters.float64 import run_float
from ltc2neuro import Precision
from ltc2neuro.metrics import sqnr
from ltc2neuro.network import Network

CALIBRATION = 64
"""Training sequences that compile sees"""
TESTED = 128
"""Test sequences of which SQNR is taken"""
SETTINGS: dict[str, Precision | str] = {
    "default": "default",
    "nearest": Precision(calibrated_weights=False),
    "split": Precision(split_weights=True),
    "accurate": "accurate",
}
WHOLE = ("default", "accurate")
"""Of which the table has all channels together, too"""
GOALS = {"default": (45, 43), "nearest": (40, 38), "split": (55, 55), "accurate": (72, 65)}
"""Of matrix-vector cells: dB of the worst state, and of the outputs"""
CONDUCTANCE_GOAL = 65
CFC_MEAN, CFC_LEAST = 48, 45
"""Of the CfCs of ncps at the default: dB over all channels together"""
METRIC_GOAL = 0.01

TEXT = """# Fidelity of every cell

SQNR on `loihi2`, state / output in dB, against the float network, in the worst channel, on {tested} test sequences.
Made by `python benchmarks/cells.py --out docs/fidelity.md`, which trains each network for seconds on real data:
half-cheetah (predict the next observation; mean squared error), digits (read row by row; accuracy), or thinned digits
(six of the eight rows, and how far apart they are). {units} units.

SQNR takes only what varies as signal: 10 log10(sum (x - mean x)^2 / sum e^2) for each channel. The number given is that
of the worst channel of the outputs, or of all states. `verify` names the channel; `min_sqnr` and the warnings of
`compile` (below 30 dB on the whole calibration; with few answers that many more as chance may make) use the same
number. Before version 0.2.0 SQNR was sum x^2 / sum e^2
over all channels together: a mean, or a large channel, counted as signal, and hid what small ones lost. The same
networks have fewer dB by the new measure. The error of a channel that stands still is compared with its constant value,
and that of a channel that is always 0 with the channel that has most signal; where no channel has any signal, there is
no SQNR (`ltc2neuro.metrics.channel_sqnr`).

- **default**: 8-bit synapses, a factor a neuron, signs in two connections, weights rounded for the least error over the
  calibration data
- **nearest**: `Precision(calibrated_weights=False)`, each weight rounded to its nearest
- **split**: `Precision(split_weights=True)`, a second matrix holds what rounding took off
- **accurate**: `precision="accurate"`, weights and messages split, whole products

A number in bold misses its goal: {goals} (default, nearest, split, accurate)
for cells of matrices, and {conductance} for cells whose synapses are conductances. Their states pass through no such
weights; their outputs do, in the readout's matrix, and therefore its weights are split by default (`split_readouts`).
The goals were set for the old measure. Most that are missed now are of single neurons that vary little compared with
their mean: in the pure CfC on half-cheetah, one that deviates by 0.031 from a mean of 1.48; whole products
(`whole_products`, part of "accurate") are what keeps it. What limits the outputs of a CfC with silu backbones on
half-cheetah are the 8 bits of its weights, not silu: of the worst output the head's alone leave 39 dB, the backbone's
42, messages 53. In the explicit PaperLTC the solver overshoots in one neuron, to 8.7 where the others stay within
2. Its product with the conductances lies within 44, which leaves 17 of a word's 24 bits to the fractions of all
neurons, and what is rounded there grows: `attribute` finds that without it "accurate" had 12 dB more. A narrower
margin would clip the overshoot. A CT-GRU keeps a trace of each neuron for each of several time constants; 79 of its 192
traces on digits hold less than an LSB of their format (the smallest 1e-26, next to 1): nothing of them is left, and the
outputs do not need them.

The whole test set of half-cheetah has 970 sequences. In 28 of them, 3 of these 128, an observation goes beyond twice
the range that the 64 sequences of the calibration have, and is clipped: `verify` names the channels. Calibrated on all
970 training sequences the gated CfC has 37 dB over the whole test set, not 42, for 16 sequences remain.

Errors do not accumulate: over 1,000 samples of a steady input, each cell's last 100, all channels together, are at most
6 dB worse than its first 100, and no state leaves its bound. A test checks this for each cell
(`test_a_thousand_samples`).

| cell | task | {settings} | {whole} |
|---|---|{dashes}|{whole_dashes}|
{fidelity}

Over all channels together, each as far from its mean, the {cfcs} CfCs of ncps have {cfc_states} dB in the
states and {cfc_outputs} dB in the outputs at the default (the goals are a mean of {cfc_mean} and {cfc_least} at least).

Where a model norms its features, the matrices beside the norm are the coarsest part: a norm divides by how far the
features spread, error included, and in a recurrence that comes back at every step. So the weights of each that computes
what is normed, or reads it, are split where 8 bits would leave less than 54 dB of its worst sum on the calibration;
`net.passes` and `ltc2neuro inspect --passes` tell which and how many decibels it would have been. A split matrix has
twice the synapses; `Precision(split_readouts=False)`, or an override of `split_weights` for it, leaves them whole.
SQNR of the outputs at the default, digits / half-cheetah, by `python benchmarks/norms.py`; with all weights whole, and
rounded to the nearest, they are 45 to 56 dB on digits and 27 to 40 dB on half-cheetah.

| norm | between layers | in a cell | LSTM | GRU |
|---|---|---|---|---|
| LayerNorm | 58.8 / 56.2 | 58.8 / 58.1 | 59.0 / 59.8 | 59.1 / 59.8 |
| LayerNorm by hand | 58.8 / 56.3 | 59.0 / 58.1 |  |  |
| RMSNorm | 57.5 / 57.0 | 58.2 / 57.2 | 58.1 / 60.9 | 58.2 / 59.0 |
| GroupNorm | 59.8 / 54.3 | 58.3 / 59.4 |  |  |
| norm | 57.9 / 56.9 | 58.2 / 57.1 |  |  |
| std | 63.3 / 57.4 | 59.3 / 56.8 |  |  |
| var | 59.1 / 61.0 | 56.8 / 56.7 |  |  |
| logsumexp | 61.2 / 52.1 | 71.2 / 57.6 |  |  |
| log_softmax | 61.2 / 52.0 | 71.2 / 57.6 |  |  |

The state of a spiking neuron jumps where a spike comes a sample earlier or later. So this table has the share of units
and samples at which the neuron spikes, or does not, as in torch; `rate` is the share at which it spikes.

| cell | task | rate | {settings} |
|---|---|---|{dashes}|
{spikes}

What the default costs, and whether it still solves the task. Compile time is CPU time, and includes the proof of
the trace; a change of accuracy is in points, a change of an error is relative.

| cell | task | compile | neurons | synapses | ticks a sample | torch | integers | change |
|---|---|---|---|---|---|---|---|---|
{costs}
"""


@dataclass(frozen=True)
class Measured:
    """What was found of one network."""

    cell: CellModel
    state_db: dict[str, float]
    output_db: dict[str, float]
    together: dict[str, tuple[float, float]]
    """dB over all channels together, of the worst state and of the outputs"""
    seconds: float
    neurons: int
    synapses: int
    ticks: int
    metric: str
    torch_score: float
    integer_score: float

    @property
    def change(self) -> float:
        """Of the metric at the default: relative for a mean squared error, absolute for accuracy."""
        change = self.integer_score - self.torch_score
        return change / self.torch_score if self.metric == "mse" else change

    def goal(self, setting: str) -> tuple[float, float]:
        """dB for state and output."""
        return (CONDUCTANCE_GOAL, CONDUCTANCE_GOAL) if self.cell.conductances else GOALS[setting]

    def held(self) -> bool:
        """Whether every goal is."""
        return abs(self.change) <= METRIC_GOAL and all(
            self.state_db[s] >= self.goal(s)[0] and self.output_db[s] >= self.goal(s)[1] for s in self.state_db
        )


@dataclass(frozen=True)
class Spikes:
    """What was found of a spiking layer."""

    cell: CellModel
    rate: float
    equal: dict[str, float]
    """by setting, the share of spikes and rests that are those of torch"""


Measure = Callable[[np.ndarray, np.ndarray], float]


def worst(exact: np.ndarray, found: np.ndarray) -> float:
    """SQNR of the worst channel."""
    return sqnr([exact], [found])


def together(exact: np.ndarray, found: np.ndarray) -> float:
    """SQNR over all channels, what varies of each being signal."""
    channels = exact.reshape(-1, exact.shape[-1])
    return float(10 * np.log10(np.square(channels - channels.mean(axis=0)).sum() / np.square(exact - found).sum()))


def decibels(
    net: Network, x: np.ndarray, timespans: np.ndarray | None = None, measures: Sequence[Measure] = (worst,)
) -> list[tuple[float, float]]:
    """By each measure that of the worst state and of the outputs."""
    joined = x if timespans is None else np.concatenate([x, timespans[..., None]], axis=-1)
    run, truth = net.run(x, timespans=timespans), run_float(net.float_graph, joined)
    states = [(exact, np.asarray(run.states[name]) * net.state_lsb(name)) for name, exact in truth.states.items()]
    outputs = np.asarray(run.outputs)
    return [(min(measure(*pair) for pair in states), measure(truth.outputs, outputs)) for measure in measures]


def measure(cell: CellModel, task: Task, weights: Path | None, settings: Iterable[str]) -> Measured:
    """Compile on training sequences at every setting, run test sequences on both sides."""
    model = cell.trained(task, weights)
    x, timespans = task.x_test[:TESTED], _first(task.timespans_test, TESTED)
    nets, states, outputs, whole, seconds = {}, {}, {}, {}, 0.0
    for setting in settings:
        start = time.process_time()
        nets[setting] = ltc2neuro.compile(
            model,
            task.x_train[:CALIBRATION],
            timespans=_first(task.timespans_train, CALIBRATION),
            precision=SETTINGS[setting],
        )
        seconds = seconds or time.process_time() - start
        (states[setting], outputs[setting]), whole[setting] = decibels(nets[setting], x, timespans, (worst, together))
    net = next(iter(nets.values()))
    mapped = net.mapped()
    with torch.no_grad():
        inputs = [task.x_test] if task.timespans_test is None else [task.x_test, task.timespans_test]
        exact = model(*map(torch.from_numpy, inputs)).numpy()
    return Measured(
        cell,
        states,
        outputs,
        whole,
        seconds,
        mapped.neurons,
        mapped.synapses,
        mapped.ticks_per_sample,
        task.metric,
        score(task, exact),
        score(task, np.asarray(net(task.x_test, timespans=task.timespans_test))),
    )


def _first(array: np.ndarray | None, count: int) -> np.ndarray | None:
    return None if array is None else array[:count]


def count_spikes(cell: CellModel, task: Task, weights: Path | None, settings: Iterable[str]) -> Spikes:
    """The trained layer alone at every setting, on test sequences."""
    layer = cell.trained(task, weights).layer
    x = task.x_test[:TESTED]
    with torch.no_grad():
        exact = layer(torch.from_numpy(x))[0].numpy()
    equal = {}
    for setting in settings:
        net = ltc2neuro.compile(layer, task.x_train[:CALIBRATION], precision=SETTINGS[setting])
        equal[setting] = float(np.mean(np.round(net(x)) == exact))
    return Spikes(cell, float(exact.mean()), equal)


def _level(value: float, goal: float) -> str:
    return f"{value:.1f}" if value >= goal else f"**{value:.1f}**"


def fidelity_row(m: Measured) -> str:
    """Its line in the first table."""
    levels = [f"{_level(m.state_db[s], m.goal(s)[0])} / {_level(m.output_db[s], m.goal(s)[1])}" for s in m.state_db]
    levels += [" / ".join(f"{db:.1f}" for db in m.together[s]) for s in WHOLE if s in m.together]
    return f"| {' | '.join([m.cell.name, m.cell.task.__name__, *levels])} |"


def spikes_row(s: Spikes) -> str:
    """Its line in the table of spikes."""
    shares = [f"{100 * share:.2f} %" for share in s.equal.values()]
    return f"| {' | '.join([s.cell.name, s.cell.task.__name__, f'{100 * s.rate:.1f} %', *shares])} |"


def cost_row(m: Measured) -> str:
    """Its line in the second table."""
    points = m.metric == "accuracy"
    scores = [f"{100 * s:.2f} %" if points else f"{s:.5f}" for s in (m.torch_score, m.integer_score)]
    change = f"{100 * m.change:+.2f} {'points' if points else '%'}"
    change = change if abs(m.change) <= METRIC_GOAL else f"**{change}**"
    counts = [f"{m.seconds:.1f} s", str(m.neurons), str(m.synapses), str(m.ticks)]
    return f"| {' | '.join([m.cell.name, m.cell.task.__name__, *counts, *scores, change])} |"


def page(found: Sequence[Measured], spikes: Sequence[Spikes], units: int) -> str:
    """docs/fidelity.md."""
    cfcs = [m.together["default"] for m in found if m.cell.name.startswith("ncps CfC")]
    states, outputs = ([pair[i] for pair in cfcs] for i in (0, 1))
    return TEXT.format(
        whole=" | ".join(f"{s}, all channels" for s in WHOLE),
        whole_dashes="|".join(["---"] * len(WHOLE)),
        cfcs=len(cfcs),
        cfc_states=f"{np.mean(states):.1f} (mean) and {min(states):.1f} (least)",
        cfc_outputs=f"{np.mean(outputs):.1f} and {min(outputs):.1f}",
        cfc_mean=CFC_MEAN,
        cfc_least=CFC_LEAST,
        tested=TESTED,
        units=units,
        goals=", ".join(f"{state} / {output}" for state, output in GOALS.values()),
        conductance=CONDUCTANCE_GOAL,
        settings=" | ".join(SETTINGS),
        dashes="|".join(["---"] * len(SETTINGS)),
        fidelity="\n".join(map(fidelity_row, found)),
        spikes="\n".join(map(spikes_row, spikes)),
        costs="\n".join(map(cost_row, found)),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Fidelity and cost of every cell.")
    parser.add_argument("--weights", type=Path, help="keep trained weights here, and take them from here")
    parser.add_argument("--only", default="", help="only cells whose name has this in it")
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--out", type=Path, help="write the page here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # states without a proven bound are expected here
    found = []
    for cell in MODELS + TIMED:
        if arguments.only not in cell.name:
            continue
        try:
            found.append(measure(cell, cell.task(), arguments.weights, arguments.settings))
        except MissingDataError as error:
            print(f"{cell.name} skipped: {error}")
            continue
        print(fidelity_row(found[-1]), f"{100 * found[-1].change:+.2f} %", flush=True)
    spiking = [cell for cell in SPIKING if arguments.only in cell.name]
    spikes = [count_spikes(cell, cell.task(), arguments.weights, arguments.settings) for cell in spiking]
    print(*map(spikes_row, spikes), sep="\n", flush=True)
    if arguments.out is not None:
        arguments.out.write_text(page(found, spikes, MODELS[0].size), encoding="utf-8")
    return 0 if all(m.held() for m in found) else 1


if __name__ == "__main__":
    sys.exit(main())
