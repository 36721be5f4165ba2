"""Helpers of this folder (`networks`) can be imported by its tests; the models need torch."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

if find_spec("torch") is not None:
    import torch

    import ltc2neuro.tracing.proof.probes  # noqa: F401  # the hook that shortens them finds them before any fixture

    torch.set_num_threads(1)
