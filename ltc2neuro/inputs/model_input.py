"""What takes the samples of a model: it knows their shape, and whether they are tokens or come in several arrays."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from compiler.graph.graph import Graph
from compiler.ranges.observed import InputEnds, Observed
from hw_models.arrays import Floats
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.inputs.sample_shape import channel
from ltc2neuro.inputs.several import Inputs
from ltc2neuro.inputs.tokens import Tokens


class _Taking(Protocol):
    @property
    def sample_shape(self) -> tuple[int, ...]: ...

    @property
    def inputs(self) -> Inputs | None: ...

    @property
    def tokens(self) -> Tokens | None: ...

    @property
    def timed(self) -> bool: ...

    def entering(self, x: Floats) -> Floats: ...


class ModelInput:
    """Base of all with `sample_shape`, `inputs`, `tokens` and `timed`."""

    def entering(self: _Taking, x: Floats) -> Floats:
        """Samples (..., channels) as the float graph takes them."""
        return x if self.tokens is None else self.tokens.looked_up(x)

    def observed(self: _Taking, graph: Graph, calibration: Sequences) -> Observed:
        """What a float graph of the model does on sequences as the model takes them."""
        entering = [self.entering(a) for a in calibration.arrays]
        return Observed(graph, entering, input_ends(self.tokens, calibration.ends, timed=self.timed))

    def channel(self: _Taking, i: int) -> str:
        """What channel `i` of a sample is called."""
        return channel(i, self.sample_shape) if self.inputs is None else self.inputs.channel(i)


def input_ends(tokens: Tokens | None, seen: tuple[Floats, Floats] | None, *, timed: bool) -> InputEnds | None:
    """Between what each channel of a float graph's input is, where more is known than the sequences tell: those of the
    rows that tokens select, and of what was `seen` besides the sequences."""
    if tokens is None:
        return None if seen is None else InputEnds(*seen, np.zeros(len(seen[0]), bool))
    low, high = (np.append(end, [np.nan] * timed) for end in tokens.ends)
    exact = ~np.isnan(low)
    if seen is not None:
        low[~exact], high[~exact] = (end[list(tokens.numbers)] for end in seen)
    return InputEnds(low, high, exact)
