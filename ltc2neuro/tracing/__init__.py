"""A model compiles by being run: its forward runs on symbolic tensors, and the recorded graph is proved."""

from ltc2neuro.tracing.agreement import agree
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.forward import knows_time
from ltc2neuro.tracing.model import ProvenTrace, TraceRequest, prove_simplified, proven_trace, trace
from ltc2neuro.tracing.torch_run import run_torch
from ltc2neuro.tracing.traced import Traced

__all__ = [
    "Calling",
    "ProvenTrace",
    "TraceRequest",
    "Traced",
    "agree",
    "knows_time",
    "prove_simplified",
    "proven_trace",
    "run_torch",
    "trace",
]
