"""What four liquid networks would cost on Loihi 2: makes `docs/loihi2-cost.md`. No chip is used.

    python benchmarks/costs.py [--out docs/loihi2-cost.md]

The half-cheetah's recordings are not part of this project; where they are missing, the page cannot be made whole.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ncps.torch import LTC
from ncps.wirings import NCP

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cell_models import MODELS
from tasks import MissingDataError
from trained import TRAINED

import ltc2neuro
from compiler.mapping.options import Options, Overlap
from hw_models.explain import band_text
from ltc2neuro.cost.sample_cost import Cost
from ltc2neuro.network import Network

CALIBRATION, COUNTED = 64, 32
"""Sequences that compile sees, and those whose messages are counted"""
SPREAD = (1, 2, 4, 8, 16)
"""On how many cores the first network is laid out"""


Given = tuple[torch.nn.Module, np.ndarray, np.ndarray | None]
"""A model, its calibration, and samples to count its messages with, where there are any."""


@dataclass(frozen=True)
class Subject:
    """A network of the page."""

    name: str
    given: Callable[[], Given]

    def compiled(self, merged: bool = False) -> tuple[Network, np.ndarray | None]:
        """At the default precision."""
        model, calibration, samples = self.given()
        return ltc2neuro.compile(model, calibration, merged=merged), samples


def _trained(name: str) -> Callable[[], Given]:
    """A network of the examples with its kept weights."""
    kept = next(t for t in TRAINED if t.name == name)

    def given() -> Given:
        task = kept.task()
        return kept.model(), task.x_train[:CALIBRATION], task.x_test[:COUNTED]

    return given


def _cfc() -> Given:
    """A CfC that has learned the half-cheetah for some seconds."""
    cell = next(m for m in MODELS if m.name == "ncps CfC, default" and m.task.__name__ == "cheetah")
    task = cell.task()
    return cell.trained(task, None), task.x_train[:CALIBRATION], task.x_test[:COUNTED]


def _driver() -> Given:
    """The wiring of the lane-keeping NCP (M. Lechner et al., 2020) with 32 features of a camera, as initialised."""
    torch.manual_seed(0)
    wiring = NCP(
        inter_neurons=12,
        command_neurons=6,
        motor_neurons=1,
        sensory_fanout=4,
        inter_fanout=4,
        recurrent_command_synapses=4,
        motor_fanin=6,
        seed=20190120,
    )
    features = np.random.default_rng(0).normal(size=(CALIBRATION, 16, 32)).astype(np.float32)
    return LTC(32, wiring), features, None


SUBJECTS = (
    Subject("the demo: digits, LTC, `AutoNCP(32, 10)`", _trained("digits_ltc")),
    Subject("half-cheetah, LTC of 32 fully connected units", _trained("cheetah_ltc")),
    Subject("half-cheetah, CfC of 24 units", _cfc),
    Subject("driving: NCP of 19 units after 32 features", _driver),
)

INTRO = """# What it would cost on Loihi 2

Made by `python benchmarks/costs.py --out docs/loihi2-cost.md`. **No chip was used.** Neurons are placed on cores,
events are counted in each tick, and constants of `hw_models/chips/loihi2.toml` turn them into times
and energies. Each constant has its source there (`ltc2neuro chips loihi2` shows them); few of them are published, so
every result is given as low / default / high. For a network of your own:

```
ltc2neuro cost m.l2n --data x.npy --placement        # exits with 1 if it does not fit
```

or in Python `print(net.placement)`, `print(net.cost())` and, to count the messages that a run sends, `net.cost(run)`.

## Worst case: every message is sent
"""

HOW = """
## How it is counted

- **Placement.** A core has 15,000 words, at most 12,000 of them for synapses. A neuron takes one unit of memory for
  every two of its words. An incoming axon is counted once for each connection and core; its synapses are packed in
  blocks of 64 with a header of 10 bits. A neuron takes an entry of the axon map for each core and connection that it
  sends to. Zero weights take nothing. The size of a packed synapse is not published: 15 to 20 bits, here 18. First fit
  is improved by putting synapse neurons beside the state neurons that receive from them, and these beside those that
  receive the same: fewest cores first, then least traffic. The bottleneck is the scarcest resource of the fullest core.
  Loihi 2's program memory is not published, so the length of programs is not counted. More cores than needed make
  shorter ticks (`cores=`, `--cores`).
- **Time.** A tick lasts as long as its busiest core, plus the barrier that ends it for all cores: T = barrier +
  max over cores of (synaptic operations + neurons x (update + instructions) + messages in and out). All neurons are
  updated in every tick, on their longest way through the program at that tick. The high end adds the busiest link
  between a core and the network on the chip. The QP solver of lava-optimization (2 cores, 144 and 264 neurons of 23
  instructions) comes out at 8.19 us a tick; 8.13 us were measured, and the time of an instruction was fitted to that.
- **Energy.** Power x time: the power of a chip at rest (0.25 W) and of each busy core (6 mW), from measurements printed
  by lava-dl. Besides, the energy of all operations, without the power at rest; no energy of an operation of Loihi 2 is
  published. The ratio of the two says that small networks pay for the chip at rest: to save energy, run several of them
  on one chip, or make ticks shorter.
- **Not included.** The host: samples in and results out through Python take milliseconds a tick on today's boards.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Cost of liquid networks on Loihi 2.")
    parser.add_argument("--out", type=Path, help="write the page here; without, print it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # states without a proven bound are expected here
    try:
        text = page()
    except MissingDataError as error:
        print(f"not made: {error}")
        return 1
    if arguments.out is None:
        print(text)
    else:
        arguments.out.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    """The whole page."""
    networks = [(subject.name, *subject.compiled()) for subject in SUBJECTS]
    lines = [INTRO, *SIZE_HEAD, *(size_row(name, net) for name, net, _ in networks)]
    lines += ["", *TIME_HEAD, *(time_row(name, net) for name, net, _ in networks)]
    lines += ["", "What would halve the time of a sample, and nearly halve its energy:", ""]
    lines += [f"- {name}: {net.cost().halving}." for name, net, _ in networks]
    lines += ["", "## Counted from runs", "", *COUNTED_HEAD]
    lines += [counted_row(name, net, x) for name, net, x in networks if x is not None]
    lines += ["", "## The demo on more cores", "", *SPREAD_HEAD]
    lines += [spread_row(networks[0][1], cores) for cores in SPREAD]
    demo, x = networks[0][1:]
    merged, _ = SUBJECTS[0].compiled(merged=True)
    assert x is not None  # the digits
    lines += ["", "## The demo in other forms", "", *FORM_HEAD]
    lines.append(form_row("as it is: samples overlap", demo, x))
    lines.append(form_row("one sample after the other, `Options(Overlap.NONE)`", demo, x, Options(Overlap.NONE)))
    lines.append(form_row("merged synapses of input and states, `compile(..., merged=True)`", merged, x))
    return "\n".join(lines) + "\n" + HOW


SIZE_HEAD = [
    "| network | neurons | synapses | cores | bottleneck | ticks a sample | latency, ticks | most of the time |",
    "|---|---|---|---|---|---|---|---|",
]


def size_row(name: str, net: Network) -> str:
    """A network in the table of sizes."""
    cost, mapped = net.cost(), net.placement.network
    limit, share = cost.placement.bottleneck
    neurons, synapses = mapped.neurons, mapped.synapses
    ticks = [f"{cost.ticks_per_sample}", f"{cost.latency_ticks}"]
    placed = [f"{neurons:,}", f"{synapses:,}", f"{cost.placement.count}", f"{limit}, {share:.0%}"]
    return _row([name, *placed, *ticks, f"{cost.dominant}, {_share(cost)}"])


TIME_HEAD = [
    "| network | a sample | latency | samples/s | energy, power x time | energy of operations | ratio of the two |",
    "|---|---|---|---|---|---|---|",
]


def time_row(name: str, net: Network) -> str:
    """A network in the table of times and energies of a sample."""
    cost = net.cost()
    times = [(cost.sample, "s"), (cost.latency, "s"), (cost.samples_per_second, "")]
    energies = [(cost.energy, "J"), (cost.operations, "J"), (cost.ratio, "")]
    return _row([name, *(band_text(band, unit) for band, unit in [*times, *energies])])


def _share(cost: Cost) -> str:
    return f"{cost.terms[cost.dominant] / sum(cost.terms.values()):.0%}"


COUNTED_HEAD = [
    "| network | messages a sample, at most | sent (not 0) | of these unchanged | a sample |",
    "|---|---|---|---|---|",
]


def counted_row(name: str, net: Network, x: np.ndarray) -> str:
    """A network in the table of recorded runs: a message is unchanged that equals the last of its port and value."""
    cost = net.cost(net.run(x))
    messages = cost.messages
    assert messages.sent is not None and messages.unchanged is not None  # of a run
    sent, same = messages.sent / messages.possible, messages.unchanged / messages.sent
    return _row([name, f"{messages.possible:,.0f}", f"{sent:.0%}", f"{same:.0%}", band_text(cost.sample, "s")])


SPREAD_HEAD = [
    "| cores | messages from core to core | a sample | energy, power x time | most of the time |",
    "|---|---|---|---|---|",
]


def spread_row(net: Network, cores: int) -> str:
    """The first network laid out on `cores` cores."""
    cost = net.cost(cores=cores)
    crossing = f"{cost.placement.crossing:,}"
    energy = band_text(cost.energy, "J")
    return _row([f"{cost.placement.count}", crossing, band_text(cost.sample, "s"), energy, f"{cost.dominant}"])


FORM_HEAD = [
    "| form | ticks a sample | latency, ticks | a sample | latency | messages sent | unchanged |",
    "|---|---|---|---|---|---|---|",
]


def form_row(name: str, net: Network, x: np.ndarray, options: Options | None = None) -> str:
    """The first network compiled or mapped otherwise."""
    cost = net.cost(net.run(x), options=options)
    messages = cost.messages
    assert messages.sent is not None and messages.unchanged is not None  # of a run
    ticks = [f"{cost.ticks_per_sample}", f"{cost.latency_ticks}"]
    times = [band_text(cost.sample, "s"), band_text(cost.latency, "s")]
    return _row([name, *ticks, *times, f"{messages.sent:,.0f}", f"{messages.unchanged / messages.sent:.0%}"])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
