"""A few foreign layers on Lava itself: the same integers, outputs and states."""

import pytest
import torch
from layer_agreement import drifting, executors_agree
from torch import nn

from hw_models.errors import LavaError, MissingExtraError

pytest.importorskip("ncps", reason="ncps is not installed")
try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP


@pytest.mark.parametrize(
    ("make", "on"),
    [
        (lambda: nn.GRU(3, 6, batch_first=True), "lava"),
        (lambda: nn.LSTM(3, 6, batch_first=True), "lava-fused"),
        (lambda: CfC(3, AutoNCP(8, 2)), "lava-fused"),
        (lambda: LTC(3, 5, mixed_memory=True), "lava-fused"),
    ],
    ids=["gru", "lstm", "wired cfc", "ltc mixed"],
)
def test_the_same_integers(make, on):
    torch.manual_seed(0)
    executors_agree(make(), drifting(3, batch=2, steps=6), (on,))
