"""`compile`: from a trained torch module to a `Network`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from compiler.library.build import simplified
from compiler.library.form import LibraryForm
from compiler.quantize.precision import Precision, precision_for
from compiler.quantize.to_integers import quantize
from compiler.rewrite.merge import merge_synapses
from compiler.rewrite.runner import MERGING, PASSES, simplify
from hw_models.arguments import check_flag
from hw_models.chip import Chip, load_chip
from hw_models.errors import InputError
from ltc2neuro.arguments import check_dt, check_module
from ltc2neuro.arrays import Samples, Sequences, as_sequences, with_timespans
from ltc2neuro.calibration import RESOLVED, unread_channels, warn_of_poor_calibration
from ltc2neuro.checking import after_integers, before_integers, design_of, later_fit, refuse, warn
from ltc2neuro.extras import TORCH
from ltc2neuro.growth import find_growth, warn_of_growth
from ltc2neuro.layout import Layout, check_batch_first
from ltc2neuro.library.making import refuse_without_microcode, without_microcode
from ltc2neuro.library.network import LibraryNetwork
from ltc2neuro.network import KnownAnswer, Network
from ltc2neuro.poor_outputs import level_of
from ltc2neuro.progress import begin
from ltc2neuro.runs import run_network

if TYPE_CHECKING:
    import torch

KNOWN_STEPS = 16
"""Length of the known-answer sequence that an artifact carries."""


@overload
def compile(
    model: torch.nn.Module,
    calibration: Samples,
    *,
    timespans: Samples | None = None,
    chip: str | Path | Chip = "loihi2",
    precision: Precision | str | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    microcode: Literal[True] = True,
    form: None = None,
    merged: bool = False,
) -> Network: ...


@overload
def compile(
    model: torch.nn.Module,
    calibration: Samples,
    *,
    timespans: Samples | None = None,
    chip: str | Path | Chip = "loihi2",
    precision: None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    microcode: Literal[False],
    form: LibraryForm | None = None,
) -> LibraryNetwork: ...


def compile(
    model: torch.nn.Module,
    calibration: Samples,
    *,
    timespans: Samples | None = None,
    chip: str | Path | Chip = "loihi2",
    precision: Precision | str | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    microcode: bool = True,
    form: LibraryForm | None = None,
    merged: bool = False,
) -> Network | LibraryNetwork:
    """Compile a trained torch module for a chip.

    `calibration` is (batch, time, features), as an array or tensor, or a list of (time, features): inputs that the
    network will meet. Ranges that are not proven come from it, and the trace is proved on it against torch.
    `dt` is the time that one sample stands for, in the unit of the model's time constants; where it differs from sample
    to sample, `timespans`, (batch, time) or a list of (time,), is the time before each sample of the calibration, the
    model is called with `timespans=`, and every run of the network takes them too. The model is unchanged.
    `net(x)` is `model(x)`. A model that reads time first, such as one with an `nn.LSTM` as torch makes it, needs to be
    told how arrays lie: `batch_first` False: as the model takes them, (time, batch, features), in and out, here and in
    all that the network does; True: (batch, time, features), and the network transposes. None refuses an array for
    such a model, and a list of (time, features) makes a network that takes lists. One that reads batch first and is
    given False is refused.
    `merged`: a solver's synapses on the input and on its states become one population, where they are alike: a program
    and some connections less and a result that is out a tick sooner, for synapses of the input that compute and send
    in each sub-step.
    With `microcode` False the network is one of Lava's library processes alone, in the `form` given.

    Raises `TraceError` for what cannot be compiled, `ProofError` where the trace differs from torch,
    `QuantizeError` where a value does not fit the chip, `InputError` for wrong arguments, `ChipError` where the design
    rules of the chip forbid it: one that lists all that they find. What they only warn of is a warning: see `check`.
    """
    dt = check_dt(dt, timespans)
    microcode, merged = check_flag(microcode, "microcode"), check_flag(merged, "merged")
    check_module(model)
    batch_first = check_batch_first(batch_first)
    samples = as_sequences(calibration, None, "calibration", Layout(batch_first is False, batch_first is False))
    _check(samples)
    timed = timespans is not None
    sequences = with_timespans(samples, timespans, 0.0 if timed else None)
    target = load_chip(chip)
    if not microcode:
        if merged:
            raise InputError("merged synapses need microcode", advice="Leave out merged=True, or microcode=False.")
        refuse_without_microcode(target, precision, form)
    elif form is not None:
        raise InputError("form is that of networks without microcode", advice="Give microcode=False, or leave it out.")
    exact = precision_for(target, precision)
    TORCH.require()
    from ltc2neuro.tracing import knows_time, proved, proved_long
    from ltc2neuro.training_mode import warn_of_training

    begin("recording the model, and proving the record")
    spans = [a[:, -1] for a in sequences.arrays] if timed else None
    told = True if samples.ragged and batch_first is None else batch_first
    known = proved(model, list(samples.arrays), dt=dt, timespans=spans, batch_first=told)
    traced = known.traced
    layout = traced.layout(batch_first)
    if dt != 1.0 and not knows_time(model):
        warnings.warn(_NO_TIME.format(dt=dt), stacklevel=2)
    if traced.dropped:
        warnings.warn(_DROPPED.format(count=traced.dropped), stacklevel=2)
    warn_of_poor_calibration(
        sequences.arrays,
        timed=timed,
        stacklevel=2,
        resolved=_resolved(model),
        unread=unread_channels(traced.graph),
    )
    warn_of_training(model, traced, sequences.arrays, stacklevel=2)
    growth = find_growth(traced.graph, sequences.arrays, exact.margin, traced.growing)
    warn_of_growth(growth, traced.growing, max(len(a) for a in sequences.arrays), stacklevel=2)
    begin("simplifying")
    if not microcode:
        graph = simplified(traced.graph)
        evidence = proved_long(model, known, graph, list(samples.arrays), timespans=spans)
        return without_microcode(traced, graph, evidence, sequences, form or LibraryForm(), layout, timed=timed)
    graph, passes = simplify(traced.graph, MERGING if merged else PASSES)
    if merged and merge_synapses.__name__ not in {record.name for record in passes}:
        raise InputError(
            "there are no synapses to merge",
            numbers="no solver of this model reads the input and its states through the same synapse function",
            advice="Leave out merged=True: it is for LTCs.",
        )
    begin("proving it over many steps")
    evidence = proved_long(model, known, graph, list(samples.arrays), timespans=spans)
    design = design_of(graph, sequences.arrays, target, exact)
    findings = before_integers(design)
    refuse(findings, target)
    begin("ranges, formats, integers")
    integers = quantize(graph, sequences.arrays, target, exact, timed=timed)
    findings += later_fit(after_integers(design, integers))
    refuse(findings, target)
    warn(findings, stacklevel=2)
    unknown = KnownAnswer(sequences.arrays[0][None, :KNOWN_STEPS], np.zeros((0, 0, 0), np.int64), {})
    shortest = traced.shortest if timed else None
    net = Network(
        graph,
        integers,
        target,
        exact,
        traced.readout,
        traced.step_shape,
        dt,
        passes,
        unknown,
        shortest,
        evidence,
        layout,
    )
    begin("the known answer")
    _warn_of_poor_outputs(net, sequences)
    return with_known_answer(net)


def _resolved(model: torch.nn.Module) -> float:
    """What share of a number the model's own floating-point numbers tell apart."""
    import torch

    kinds = [p.dtype for p in model.parameters() if p.dtype.is_floating_point]
    return max((float(torch.finfo(kind).eps) for kind in kinds), default=RESOLVED)


_DROPPED = (
    "the model returns {count} more beside its answer and its states, and the network does not: it has one answer, the "
    "first. To have them all, let the model return one tensor, such as torch.cat of them along the features."
)
_NO_TIME = (
    "dt = {dt:g} changes no result: no recurrent cell of this model takes the elapsed time. A cell of your own gets it "
    "as a third argument named elapsed."
)


def with_known_answer(net: Network) -> Network:
    """`net` with the reference's answer to its known sequence."""
    from dataclasses import replace

    run = run_network(net, Sequences(tuple(net.known.x), ragged=False), "reference", None, ())
    states = {n: np.asarray(s, np.int64) for n, s in run.states.items()}
    return replace(net, known=KnownAnswer(net.known.x, np.asarray(run.integers, np.int64), states))


def _warn_of_poor_outputs(net: Network, sequences: Sequences) -> None:
    """Say so where the integers are far from the float network on the calibration itself."""
    level = level_of(
        net.float_graph,
        sequences.arrays,
        lambda x: [np.asarray(y) for y in run_network(net, x, "reference", None, ()).outputs],
        net.shaped,
    )
    if level.poor:
        channel = ", ".join(str(int(i)) for i in np.unravel_index(level.worst.channel or 0, net.step_shape))
        warnings.warn(
            f"the integer outputs are only {level.worst.decibels:.1f} dB from the float network's in channel "
            f"[{channel}], on {level.seen}. ltc2neuro.verify(net, model, x) shows where the error comes from; values "
            "that span many orders of magnitude, or precision='accurate', are what to look at.",
            stacklevel=3,
        )


def _check(sequences: Sequences) -> None:
    if not sequences.arrays or any(a.shape[0] == 0 for a in sequences.arrays):
        raise InputError("calibration is empty", advice="Give at least one sequence with at least one sample.")
    features = {a.shape[1] for a in sequences.arrays}
    if len(features) > 1:
        raise InputError("calibration sequences differ in their features", numbers=f"{sorted(features)}")
