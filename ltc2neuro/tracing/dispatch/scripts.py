"""Functions made by torch.jit.script and trace: refused where they take a symbolic tensor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ltc2neuro.tracing.dispatch.unsupported import scripted
from ltc2neuro.tracing.recording.symbolic import symbols
from ltc2neuro.tracing.recording.tape import Tape


@contextmanager
def scripts_refused(recorder: Tape) -> Iterator[None]:
    """Refuse functions of torch.jit.script and trace that take a symbolic tensor.

    They run in C++ on its zeros, without asking the tensor first, and may hand back the same object.
    """
    kind = torch.jit.ScriptFunction
    original = kind.__call__

    def call(self: torch.jit.ScriptFunction, *args: object, **kwargs: object) -> object:
        if symbols(args) or symbols(kwargs):
            raise scripted(recorder, str(self.name))
        return original(self, *args, **kwargs)

    kind.__call__ = call
    try:
        yield
    finally:
        kind.__call__ = original
