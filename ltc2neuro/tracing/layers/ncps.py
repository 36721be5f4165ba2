"""The handler of ncps's LTC: its own cell computes each step, the solver's sub-steps are a repeated block."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from ncps.torch import LTC, CfC, LTCCell

from hw_models.arrays import Floats
from hw_models.errors import TraceError
from ltc2neuro.nn.recurrence import repeat
from ltc2neuro.nn.solvers import Equation, Time
from ltc2neuro.tracing.layers.ncps_memory import with_memory
from ltc2neuro.tracing.layers.recurrent import CELLS, own_step, plain_type
from ltc2neuro.tracing.layers.scan import CellStates, CellStep, Elapsed, Scan, StateVariable
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.recorder import Recorder, Times
from ltc2neuro.tracing.recording.symbolic import Symbolic


def ltc(
    recorder: Recorder,
    layer: LTC,
    input: torch.Tensor,  # ncps's name
    hx: object = None,
    timespans: object = None,
) -> tuple[torch.Tensor, object]:
    """The handler of `ncps.torch.LTC`."""
    cell = layer.rnn_cell
    _refuse_stale(recorder, cell)
    known = plain_type(cell) is LTCCell
    step = (ltc_step if known else own_step)(recorder, cell, recorder.times(timespans))
    return over(recorder, layer, step, (input, hx, timespans))


def equation(cell: LTCCell, u: torch.Tensor, elapsed: Time = 1.0) -> Equation:
    """The differential equation that an LTC cell solves in unfolds: cm v' = gleak (vleak - v) + sum w s (erev - v)."""
    of, positive = cell._params, cell.make_positive_fn

    def conductances(v: torch.Tensor, prefix: str) -> tuple[torch.Tensor, torch.Tensor]:
        active = cell._sigmoid(v, of[f"{prefix}mu"], of[f"{prefix}sigma"])
        active = positive(of[f"{prefix}w"]) * active * of[f"{prefix}sparsity_mask"]
        return (active * of[f"{prefix}erev"]).sum(1), active.sum(1)

    sensory_drive, sensory_total = conductances(cell._map_inputs(u), "sensory_")

    def slope(v: torch.Tensor) -> torch.Tensor:
        drive, total = conductances(v, "")
        leak = positive(of["gleak"])
        current = leak * of["vleak"] + drive + sensory_drive - (leak + total + sensory_total) * v
        return current / positive(of["cm"])

    return Equation(slope, elapsed)


def over(
    recorder: Recorder, layer: LTC | CfC, step: CellStep, given: tuple[torch.Tensor, object, object]
) -> tuple[torch.Tensor, object]:
    """A layer's answer to input, states and time spans, from a step of its cell: with its memory, over all samples."""
    input, hx, timespans = given
    _refuse_batched_time(recorder, layer, timespans)
    if layer.use_mixed:
        _refuse_double(recorder, layer, input, hx)
        step = with_memory(recorder, layer.lstm, step)
    y, states = Scan(recorder, layer.batch_first, layer.return_sequences).over(step, input, hx, timespans)
    return y, states if layer.use_mixed else states[0]


def ltc_step(recorder: Recorder, cell: torch.nn.Module, times: Times) -> CellStep:
    """One step of an LTC cell: its own methods, with one unfold in a block that repeats."""
    if not isinstance(cell, LTCCell):
        raise TypeError(f"{type(cell).__name__} is not an LTCCell")
    _refuse_stale(recorder, cell)
    refuse_weights(cell, recorder.path_of(cell), _KEPT_POSITIVE)
    unfolds = cell._ode_unfolds
    single = copy.copy(cell)
    single._ode_unfolds = 1

    def function(x: torch.Tensor, states: CellStates, elapsed: Elapsed) -> tuple[torch.Tensor, CellStates]:
        inputs, part = cell._map_inputs(x), elapsed / unfolds
        v = repeat(lambda v: single._ode_solver(inputs, v, part), states[0], unfolds)
        return cell._map_outputs(v), (v,)

    v = StateVariable("v", (cell.state_size,), lambda initial: hull(cell, initial), cell)
    return CellStep((v,), function)


CELLS[LTCCell] = ltc_step


def within_a_step(
    recorder: Recorder,
    cell: LTCCell,
    inputs: torch.Tensor,  # ncps's names
    hidden_state: torch.Tensor,
    elapsed_time: Elapsed = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """An LTCCell that a cell of the user's calls; one that a user's loop calls is refused."""
    if not isinstance(inputs, Symbolic) or not axes.starts_with(inputs.codes, axes.batch_labels(axes.NOW)):
        raise recorder.refusal(
            "an LTCCell is stepped by hand", "Wrap it in ltc2neuro.nn.Recurrent(cell), which has the loop."
        )
    y, (v,) = ltc_step(recorder, cell, recorder.times(None)).function(inputs, (hidden_state,), elapsed_time)
    return y, v


LAYERS: dict[type[torch.nn.Module], Callable[..., object]] = {LTC: ltc, LTCCell: within_a_step}
EQUATIONS: dict[type[torch.nn.Module], Callable[..., Equation]] = {LTCCell: equation}
"""Of cells that solve one: from a cell, the input and the elapsed time"""


def hull(cell: LTCCell, initial: Floats) -> tuple[Floats, Floats]:
    """The interval that each unit's state never leaves, whatever the input, dt and number of unfolds.

    A sub-step is a mean with weights >= 0 of the state, vleak, the reversals of the unit's live synapses, and 0 (the
    weight epsilon). `initial` is the state (units,) at the start of a sequence.
    """
    w, sensory_w, _, gleak = conductances(cell)
    low, high = np.minimum(initial, 0.0), np.maximum(initial, 0.0)
    for weight, reversal in (
        (w, _array(cell._params["erev"])),
        (sensory_w, _array(cell._params["sensory_erev"])),
        (gleak[None], _array(cell._params["vleak"])[None]),
    ):
        low = np.minimum(low, np.where(weight != 0, reversal, 0.0).min(axis=0, initial=0.0))
        high = np.maximum(high, np.where(weight != 0, reversal, 0.0).max(axis=0, initial=0.0))
    return low, high


def conductances(cell: LTCCell) -> tuple[Floats, Floats, Floats, Floats]:
    """Effective w, sensory w, cm and gleak: made positive, then masked."""
    positive = cell.make_positive_fn
    values = cell._params
    w = positive(values["w"]) * values["sparsity_mask"]
    sensory_w = positive(values["sensory_w"]) * values["sensory_sparsity_mask"]
    return _array(w), _array(sensory_w), _array(positive(values["cm"])), _array(positive(values["gleak"]))


def _array(tensor: torch.Tensor) -> Floats:
    return tensor.detach().double().numpy()


def _refuse_batched_time(recorder: Recorder, layer: torch.nn.Module, timespans: object) -> None:
    """Refuse time spans of a batch: ncps 1.0.1 takes those of one row for another's units.

    A model that is compiled with time spans is called row by row, which is right.
    """
    unknown = recorder.given is None and not recorder.all_at_once
    if unknown and isinstance(timespans, Symbolic) and (timespans.dim() < 3 or timespans.shape[2] == 1):
        raise recorder.refusal(
            f"the model computes a batch's time spans for ncps's {type(layer).__name__}, which mixes up rows and units",
            "Take them as the keyword timespans of forward and compile with timespans=, or put the layer's rnn_cell "
            "under ltc2neuro.nn.Recurrent, which takes a batch.",
            f"{tuple(timespans.shape)}",
        )


def _refuse_double(recorder: Recorder, layer: torch.nn.Module, input: torch.Tensor, hx: object) -> None:
    """Refuse mixed memory in float64: ncps 1.0.1 starts it from zeros in float32, which torch refuses."""
    if hx is None and input.dtype == torch.float64:
        raise recorder.refusal(
            f"ncps's {type(layer).__name__} with mixed memory does not run in float64: it starts from float32 zeros",
            "Compile the model in float32, model.float(), or hand in both states: rnn(x, (zeros, zeros)) in float64.",
        )


def _refuse_stale(recorder: Recorder, cell: LTCCell) -> None:
    stale = [n for n, p in cell._params.items() if p is not getattr(cell, n, None)]
    if stale:
        raise TraceError(
            "the weights that the cell computes with are not those it shows",
            where=f"{recorder.path_of(cell)}.{stale[0]}",
            numbers=f"{len(stale)} of {len(cell._params)} parameters",
            advice="ncps keeps its parameters in cell._params; load_state_dict(assign=True), torch.nn.utils.prune and "
            "parametrize do not reach it, in training either. Make them permanent first (prune.remove(cell, name), "
            "remove_parametrizations(cell, name)), then: for name in cell._params: cell._params[name] = "
            "getattr(cell, name).",
        )


_KEPT_POSITIVE = "Call cell.apply_weight_constraints() after each training step, or once now and verify again."


def refuse_weights(cell: LTCCell, path: str, keep_positive: str) -> None:
    """Refuse an LTC cell at `path` that is none; `keep_positive` says what keeps its conductances from below 0."""
    w, sensory_w, cm, gleak = conductances(cell)
    for name, values in (("w", w), ("sensory_w", sensory_w), ("cm", cm), ("gleak", gleak)):
        if np.any(values < 0):
            raise TraceError(
                "a conductance is negative",
                where=f"{path}.{name}",
                numbers=f"{int(np.sum(values < 0))} of {values.size}, the lowest {values.min():.6g}",
                advice=keep_positive,
            )
    total = cm + gleak + w.sum(axis=0) + sensory_w.sum(axis=0)
    if np.any(total == 0):
        raise TraceError(
            "a neuron divides by 0: it has neither capacitance nor leak nor a live synapse",
            where=f"{path}, neuron {', '.join(map(str, np.flatnonzero(total == 0)))}",
            advice="Give it a leak (gleak > 0) or a capacitance (cm > 0), or a synapse.",
        )
    if cell._epsilon < 0:
        raise TraceError(
            "the solver divides by less than the sum of the conductances",
            where=path,
            numbers=f"epsilon = {cell._epsilon:g}",
            advice="Build the LTC with epsilon >= 0: with less, no bound of the state is proven.",
        )
    if not isinstance(cell._ode_unfolds, int) or cell._ode_unfolds < 1:
        raise TraceError(
            "a solver has no whole number of sub-steps",
            where=path,
            numbers=f"ode_unfolds = {cell._ode_unfolds}",
            advice="Build the LTC with ode_unfolds of 1 or more.",
        )
