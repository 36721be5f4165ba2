"""`nn.Embedding` of the model's input: the rows that tokens select become the graph's input; the host selects them.

So is what a comparison with a number, as that of a mask, finds of a token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import numpy as np
import torch
import torch.nn.functional as functional

from hw_models.arrays import Floats
from hw_models.errors import TraceError
from ltc2neuro.inputs.tokens import Table
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.lookups import TOKENS, Lookups
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic

LOOKED_UP = (
    "Tokens may be the network's input, whole numbers (batch, time) or (batch, time, k), if they go to nn.Embedding as "
    "they are. Others are looked up before the network: compile the part of the model after the embedding, and give it "
    "the vectors, compile(rest, embedding(tokens).detach()). Of two vectors select with torch.where(condition, a, b)."
)


class NewTableError(TraceError):
    """A `table` in which tokens were not yet looked up: the recording begins again, with an input that has room."""

    table: Table


def embedding(
    input: torch.Tensor,
    weight: torch.Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Symbolic:
    """The rows of `weight` that tokens select."""
    if not are_tokens(input) or isinstance(weight, Symbolic):
        symbol = next(t for t in (input, weight) if isinstance(t, Symbolic))
        raise symbol.recorder.refusal("the operation embedding looks up what is not a token of the input", LOOKED_UP)
    whole = functional.embedding(torch.arange(len(weight)), weight.detach().clone(), None, max_norm, norm_type)
    return _selected(input, whole.double().numpy(), "weight", weight.dtype)


def are_tokens(x: object) -> TypeGuard[Symbolic]:
    """Whether these are tokens of the input, as they came."""
    return isinstance(x, Symbolic) and x.value == TOKENS


def numbers_of(tokens: Symbolic, dtype: torch.dtype) -> Symbolic:
    """An input of which some channels are tokens, for the others."""
    lookups = tokens.recorder.lookups
    assert isinstance(lookups, Lookups)
    known = lookups.tokens
    places = torch.zeros(known.count, dtype=torch.int64)
    places[list(known.numbers)] = known.selected + torch.arange(len(known.numbers))
    codes = axes.encode(axes.labels_of(tokens.codes), places[axes.elements_of(tokens.codes)])
    return symbolic(tokens.recorder, tokens.example.to(dtype), codes, lookups.value)


def of_each(tokens: Symbolic, truth: Callable[[torch.Tensor], torch.Tensor]) -> Symbolic:
    """Whether something is true of each token, such as `x != 0`: looked up, too, in a table of what it is of all."""
    lookups = tokens.recorder.lookups
    assert isinstance(lookups, Lookups)
    rows = truth(torch.arange(lookups.vocabulary)).double().reshape(-1, 1).numpy()
    found = _selected(tokens, rows, "compared", torch.bool)
    return symbolic(tokens.recorder, found.example.squeeze(-1), found.codes.squeeze(-1), found.value)


def _selected(input: Symbolic, rows: Floats, name: str, dtype: torch.dtype) -> Symbolic:
    """The rows of a table that tokens select, (*shape of these, size). Raises `NewTableError` for one of new rows."""
    recorder, lookups = input.recorder, input.recorder.lookups
    assert isinstance(lookups, Lookups)
    places = axes.elements_of(input.codes)
    first, new = torch.zeros(lookups.tokens.count, dtype=torch.int64), list[int]()
    for place in places.unique().tolist():
        start = lookups.tokens.start(rows, place)
        if start is None:
            new.append(place)
        else:
            first[place] = start
    if new:
        error = NewTableError("a table that was not recorded yet")
        error.table = Table(recorder.named(name), tuple(new), rows)
        raise error
    elements = first[places].unsqueeze(-1) + torch.arange(rows.shape[1])
    labels = axes.labels_of(input.codes).unsqueeze(-1).expand(elements.shape)
    example = torch.from_numpy(np.zeros(elements.shape)).to(dtype)
    return symbolic(recorder, example, axes.encode(labels, elements), lookups.value)
