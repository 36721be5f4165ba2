"""Digits with raw constraints: conductances and capacitances are trained as they are, and clipped at 0 after each step.

Some of them arrive at exactly 0, which is valid: a neuron without capacitance follows its inputs at once, one
without leak forgets only through its synapses, a synapse of weight 0 does not exist.

    python examples/train_raw_ltc.py
"""

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from tasks import digits
from training import save, train


def build() -> LTC:
    """Eight pixels in, ten motor neurons out; the answer is read after the last row."""
    return LTC(8, AutoNCP(32, 10, sparsity_level=0.1), return_sequences=False, implicit_param_constraints=False)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build()
    train(model, digits(), epochs=100, rate=0.05)
    save(model, "raw_ltc")


if __name__ == "__main__":
    main()
