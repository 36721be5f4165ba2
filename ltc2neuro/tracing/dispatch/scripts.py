"""Functions made by torch.jit.script and trace, where they take a symbolic tensor.

They run in C++ on its zeros, without asking the tensor first, and may hand back the same object. Of one that was
scripted, torch keeps the Python function for torch.compile: that is run in its place. Others are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ltc2neuro.tracing.dispatch.unsupported import scripted
from ltc2neuro.tracing.recording.symbolic import symbols
from ltc2neuro.tracing.recording.tape import Tape


@contextmanager
def scripts_in_python(recorder: Tape) -> Iterator[None]:
    """Run scripted functions that take a symbolic tensor in Python, and refuse traced ones."""
    kind = torch.jit.ScriptFunction
    original = kind.__call__

    def call(self: torch.jit.ScriptFunction, *args: object, **kwargs: object) -> object:
        if symbols(args) or symbols(kwargs):
            python = getattr(self, "_torchdynamo_inline", None)
            if not callable(python):
                raise scripted(recorder, str(self.name))
            return python(*args, **kwargs)
        return original(self, *args, **kwargs)

    kind.__call__ = call
    try:
        yield
    finally:
        kind.__call__ = original
