"""`to_nir`: a spiking network as a NIR graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compiler.graph.graph import Graph
from compiler.rewrite.common_subexpressions import common_subexpressions
from compiler.rewrite.fold import fold
from compiler.rewrite.prune import prune
from compiler.rewrite.runner import simplify
from hw_models.arguments import check_real
from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.extras import NIR, TORCH
from ltc2neuro.frontends.nir.neuron_finding import HAS, find
from ltc2neuro.inputs.arguments import check_module
from ltc2neuro.inputs.arrays import Samples, as_sequences
from ltc2neuro.inputs.several import is_several

if TYPE_CHECKING:
    import nir
    import torch

PLAIN = (fold, prune, common_subexpressions)
"""Rewrites that join no linear maps"""


def to_nir(model: torch.nn.Module | BaseRecord, dt: float, x: Samples | None = None) -> nir.NIRGraph:
    """The NIR graph of a spiking network, at a time step of `dt` seconds: docs/nir.md.

    `model` is a compiled or loaded network, or a torch module; of that, `x`, (batch, time, features) or a list of
    (time, features), is what it is traced and proved on, as in `compile`; noise, where it is left out and the first
    layer tells how many features it reads. Weights and constants are those of the model, in float64, before any
    rounding. A graph holds what each sample does: of a model that answers at the last step, its reader takes the last
    answer.

    What NIR cannot say is refused, with the line of the model that does it: element functions and products of values,
    so LTCs and CfCs; reset by subtraction; a solver's steps; time spans.

    Raises `MissingExtraError` where nir is not installed, `InputError`, and what tracing raises.
    """
    NIR.require()
    from ltc2neuro.frontends.nir.graph_export import Drawing

    dt = check_real(dt, "dt", above=0)
    asked = _asked(model, x)
    drawing = Drawing(find(asked.graph), dt)
    drawing.answer()
    return drawing.finished(asked.shape, asked.answer)


@dataclass(frozen=True)
class _Exported:
    """The float graph that is written, and the shapes of samples and answers."""

    graph: Graph
    shape: tuple[int, ...]
    answer: tuple[int, ...]


def _asked(model: torch.nn.Module | BaseRecord, x: Samples | None) -> _Exported:
    """What a network has; of a module what tracing it gives, linear maps apart as they are in the module."""
    if isinstance(model, BaseRecord):
        _check_single(several=model.inputs is not None, tokens=model.tokens is not None)
        asked, timed = _Exported(model.float_graph, model.sample_shape, model.step_shape), model.timed
    else:
        check_module(model)
        TORCH.require()
        from ltc2neuro.tracing import trace
        from ltc2neuro.tracing.calling.modules import looks_up

        _check_single(several=is_several(x), tokens=looks_up(model))
        traced = trace(model, as_sequences(_noise(model) if x is None else x, None, "x").shaped)
        asked, timed = _Exported(simplify(traced.graph, PLAIN)[0], traced.sample_shape, traced.step_shape), False
    repeated = [block.name for block in asked.graph.blocks if block.repeat > 1]
    if timed or repeated:
        raise InputError(
            "NIR has no time spans" if timed else "NIR has no solver that takes several steps a sample",
            where=", ".join(repeated),
            advice=HAS,
        )
    return asked


def _check_single(several: bool, tokens: bool) -> None:
    """A graph has one input, of real numbers."""
    if several or tokens:
        raise InputError(
            "a network of several inputs is not written to NIR" if several else "NIR has no tokens",
            advice="Let the model take one array" + (", and split that." if several else " of their embeddings."),
        )


def _noise(model: torch.nn.Module) -> Floats:
    """Samples for a module whose first layer tells what it reads."""
    first, names = model, ("shape", "input_size", "in_features")
    while not any(hasattr(first, name) for name in names) and (children := list(first.children())):
        first = children[0]
    shape = next((getattr(first, name) for name in names if hasattr(first, name)), None)
    if not isinstance(shape, (int, tuple)):
        raise InputError(
            "a torch module is traced on samples",
            advice="to_nir(model, dt, x), with x (batch, time, features) as for compile.",
        )
    return np.random.default_rng(0).normal(size=(4, 32, *(shape if isinstance(shape, tuple) else (shape,))))
