"""How far the integers are from torch where a model norms its features, on `loihi2` at the default.

    python benchmarks/norms.py [--only WORD]

Each network is trained for seconds on half-cheetah or digits, as those of `cells.py` are: a norm between two layers
(`feed-forward`), a norm of what a cell computes from its input and its state (`cell`), or an LSTM or GRU whose sums
are normed. SQNR is that of the worst channel of the outputs against torch, on 128 test sequences.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from table import show
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cell_models import UNITS, CellModel
from tasks import MissingDataError, cheetah, digits

import ltc2neuro
from ltc2neuro.metrics import sqnr
from ltc2neuro.nn import Recurrent

CALIBRATION, TESTED, GOAL = 64, 128, 45.0
Tensor = torch.Tensor
Norm = Callable[[Tensor], Tensor]


def by_hand(x: Tensor) -> Tensor:
    """A layer norm as people write it."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + 1e-5)


def grouped(x: Tensor) -> Tensor:
    """GroupNorm reads (rows, channels)."""
    return functional.group_norm(x.reshape(-1, x.shape[-1]), 4).reshape(x.shape)


NORMS: dict[str, Norm] = {
    "LayerNorm": lambda x: functional.layer_norm(x, x.shape[-1:]),
    "LayerNorm by hand": by_hand,
    "RMSNorm": lambda x: functional.rms_norm(x, x.shape[-1:]),
    "GroupNorm": grouped,
    "norm": lambda x: UNITS**0.5 * x / x.norm(dim=-1, keepdim=True).clamp(min=1e-6),
    "std": lambda x: x / (0.1 + x.std(-1, keepdim=True)),
    "var": lambda x: x / (0.1 + x.var(-1, keepdim=True)),
    "logsumexp": lambda x: x - torch.logsumexp(x, -1, keepdim=True),
    "log_softmax": lambda x: functional.log_softmax(x, -1),
}


class Between(nn.Module):
    """A norm between two layers."""

    def __init__(self, features: int, norm: Norm) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(features, UNITS), norm

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """What a recurrent layer returns, without a state."""
        return torch.tanh(self.norm(self.first(x))), None


class Normed(nn.Module):
    """A cell whose sums are normed."""

    state_size = UNITS

    def __init__(self, features: int, norm: Norm) -> None:
        super().__init__()
        self.input, self.recurrent, self.norm = nn.Linear(features, UNITS), nn.Linear(UNITS, UNITS, bias=False), norm

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """The next state."""
        return torch.tanh(self.norm(self.input(x) + self.recurrent(h)))


class NormedLSTM(nn.Module):
    """Input, recurrent part and cell state are each normed, as in the paper of layer normalization."""

    state_size = (UNITS, UNITS)

    def __init__(self, features: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.input, self.recurrent = nn.Linear(features, 4 * UNITS), nn.Linear(UNITS, 4 * UNITS, bias=False)
        self.of_input, self.of_state, self.of_cell = norm(4 * UNITS), norm(4 * UNITS), norm(UNITS)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The answer and the next state."""
        h, c = state
        i, f, g, o = (self.of_input(self.input(x)) + self.of_state(self.recurrent(h))).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(self.of_cell(c))
        return h, (h, c)


class NormedGRU(nn.Module):
    """Its three sums are normed."""

    state_size = UNITS

    def __init__(self, features: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.input, self.recurrent = nn.Linear(features, 3 * UNITS), nn.Linear(UNITS, 3 * UNITS)
        self.of_input, self.of_state = norm(3 * UNITS), norm(3 * UNITS)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """The next state."""
        (r, z, n), (hr, hz, hn) = (
            y.chunk(3, -1) for y in (self.of_input(self.input(x)), self.of_state(self.recurrent(h)))
        )
        z = torch.sigmoid(z + hz)
        return (1 - z) * torch.tanh(n + torch.sigmoid(r + hr) * hn) + z * h


MODELS = [
    CellModel(f"{name}, {use}", layer, task)
    for task in (digits, cheetah)
    for use, layers in (
        ("feed-forward", {name: lambda n, norm=norm: Between(n, norm) for name, norm in NORMS.items()}),
        ("cell", {name: lambda n, norm=norm: Recurrent(Normed(n, norm)) for name, norm in NORMS.items()}),
        ("LSTM", {c.__name__: lambda n, c=c: Recurrent(NormedLSTM(n, c)) for c in (nn.LayerNorm, nn.RMSNorm)}),
        ("GRU", {c.__name__: lambda n, c=c: Recurrent(NormedGRU(n, c)) for c in (nn.LayerNorm, nn.RMSNorm)}),
    )
    for name, layer in layers.items()
]


def main() -> int:
    """Print the table; whether every network has the decibels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a word in the names of networks")
    parser.add_argument("--weights", type=Path, default=None, help="a folder that keeps trained weights")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, worst = [], np.inf
    for cell in MODELS:
        if arguments.only not in f"{cell.name} {cell.task.__name__}":
            continue
        try:
            task = cell.task()
        except MissingDataError as error:
            print(f"skipped: {error}")
            continue
        model, x = cell.trained(task, arguments.weights), task.x_test[:TESTED]
        net = ltc2neuro.compile(model, task.x_train[:CALIBRATION])
        with torch.no_grad():
            found = sqnr([model(torch.from_numpy(x)).numpy()], [np.asarray(net(x))])
        worst = min(worst, found)
        split = [record.note for record in net.passes if record.name == "split_beside_norms"]
        rows.append([cell.name, cell.task.__name__, f"{found:.1f}", str(split[0].count(" dB") if split else 0)])
    show(["network", "task", "outputs dB", "split matrices"], rows)
    return 0 if worst >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
