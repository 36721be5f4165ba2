"""What takes the samples of a model: it knows their shape, and whether they are tokens or come in several arrays."""

from __future__ import annotations

from typing import Protocol

from compiler.graph.graph import Graph
from compiler.ranges.observed import Observed
from hw_models.arrays import Floats
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.inputs.input_ends import input_ends
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
