"""A model compiles by being run: its forward runs on symbolic tensors, and the recorded graph is proved."""

from ltc2neuro.tracing.calling import Calling, run_torch
from ltc2neuro.tracing.model import Traced, trace

__all__ = ["Calling", "Traced", "run_torch", "trace"]
