"""Sines: the network of 19 neurons and one output (the size that the benchmarks time) predicts a sine from 8 sensors.

python examples/train_sine_ltc.py
"""

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from tasks import sines
from training import save, train


def build() -> LTC:
    """Eight sensors in, one motor neuron out, at every step."""
    return LTC(8, AutoNCP(19, 1))


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build()
    train(model, sines(), epochs=60, rate=0.02)
    save(model, "sine_ltc")


if __name__ == "__main__":
    main()
