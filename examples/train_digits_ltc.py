"""Sequential digits: a liquid network of 32 neurons reads an 8 x 8 image row by row and names the digit.

python examples/train_digits_ltc.py
ltc2neuro compile examples/train_digits_ltc.py:build --weights examples/weights/digits_ltc.safetensors ...
"""

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from tasks import digits
from training import save, train


def build() -> torch.nn.Module:
    """Eight pixels in, ten motor neurons out; the answer is read after the last row."""
    return LTC(8, AutoNCP(32, 10, sparsity_level=0.1), return_sequences=False)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build()
    train(model, digits(), epochs=100, rate=0.03)
    save(model, "digits_ltc")


if __name__ == "__main__":
    main()
