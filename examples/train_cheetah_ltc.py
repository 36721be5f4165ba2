"""Half-cheetah, the LTC paper's task: 32 fully connected neurons predict the next 17 observations of a simulation.

The paper's split and windows of 32 steps; nothing is normalised. The recordings are not part of this project
(`tasks.cheetah` says where they should be); the trained weights are.

    python examples/train_cheetah_ltc.py
"""

import torch
from ncps.torch import LTC
from ncps.wirings import FullyConnected
from tasks import cheetah
from training import save, train


def build() -> LTC:
    """Seventeen observations in, seventeen of the 32 neurons out, at every step."""
    return LTC(17, FullyConnected(32, output_dim=17))


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build()
    train(model, cheetah(), epochs=120, rate=0.02)
    save(model, "cheetah_ltc")


if __name__ == "__main__":
    main()
