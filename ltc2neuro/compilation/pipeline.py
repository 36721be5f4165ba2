"""`compile`: from a trained torch module to a `Network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from compiler.library_processes.options import LibraryForm
from compiler.quantize.precision import Precision
from compiler.rewrite.merge import merge_synapses
from compiler.rewrite.runner import MERGING, PASSES, simplify
from compiler.rules import Design
from compiler.running.runners import Runners
from hw_models.arguments import check_flag
from hw_models.chip import Chip
from hw_models.errors import InputError
from ltc2neuro.compilation.acceptance import known_answer, warn_of_outputs
from ltc2neuro.compilation.findings import later_fit, refuse, warn
from ltc2neuro.compilation.request import Settings, ask
from ltc2neuro.compilation.without_microcode import form_of, without_microcode
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.record import Record
from ltc2neuro.inputs.arrays import Calibration, Samples
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.library_network.network import LibraryNetwork
from ltc2neuro.network import Network
from ltc2neuro.progressing import shown_stages
from ltc2neuro.tuning.tuning import tuned

if TYPE_CHECKING:
    import torch

    from ltc2neuro.compilation.stages import Simplified

POOR = (
    "ltc2neuro.verify(net, model, x) shows where the error comes from. Look for values that span many orders of "
    "magnitude, or try precision='accurate'."
)
"""What to do about integers that are far from the float network"""


@overload
def compile(
    model: torch.nn.Module,
    calibration: Calibration | Inlet,
    *,
    timespans: Samples | None = None,
    chip: str | Path | Chip = "loihi2",
    precision: Precision | str | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    microcode: Literal[True] = True,
    form: None = None,
    merged: bool = False,
    tune: bool = False,
) -> Network: ...


@overload
def compile(
    model: torch.nn.Module,
    calibration: Calibration | Inlet,
    *,
    timespans: Samples | None = None,
    chip: str | Path | Chip = "loihi2",
    precision: None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    microcode: Literal[False],
    form: LibraryForm | None = None,
    tune: bool = False,
) -> LibraryNetwork: ...


def compile(
    model: torch.nn.Module,
    calibration: Calibration | Inlet,
    *,
    timespans: Samples | None = None,
    chip: str | Path | Chip = "loihi2",
    precision: Precision | str | None = None,
    dt: float = 1.0,
    batch_first: bool | None = None,
    microcode: bool = True,
    form: LibraryForm | None = None,
    merged: bool = False,
    tune: bool = False,
) -> Network | LibraryNetwork:
    """Compile a trained torch module for a chip, or a Keras model on its torch backend.

    `calibration` is (batch, time, features), as an array or tensor, or a list of (time, features): inputs that the
    network will meet. Ranges that are not proven come from it, and the trace is proved on it against torch. Samples may
    have any shape: images are (batch, time, channels, height, width), tokens of an integer type (batch, time). Several
    inputs are a tuple in the order of forward's arguments, or a dict by their names. A `DataLoader`, or any iterable of
    batches, will do as well: docs/arrays.md.
    `dt` is the time that one sample stands for, in the unit of the model's time constants. If it differs from sample to
    sample, `timespans`, (batch, time) or a list of (time,), is the time before each sample of the calibration: the
    model is called with `timespans=`, and every run of the network takes them too. The model is unchanged.
    `net(x)` is `model(x)`. A model that reads time first, such as one with an `nn.LSTM` by torch's default, needs
    `batch_first` for arrays. False: arrays are as the model takes them, (time, batch, features), in and out, here and
    wherever the network takes or returns them. True: they are (batch, time, features), and the network transposes.
    None refuses an array for such a model; a list of (time, features) makes a network that takes lists. A model that
    reads batch first refuses False.
    `merged`: a solver's synapses on the input and on its states become one population, where they are alike. This saves
    a program and some connections, and the result is out a tick sooner; but the input's synapses then compute and send
    in every sub-step.
    `tune`: constants that are added are learned from the float network on the calibration, as `ltc2neuro.tune(net,
    calibration)` does, for some seconds to minutes. It is for LTCs of few parameter bits; what is not better on a
    part of the calibration that is held back is not taken.
    With `microcode` False the network is built from Lava's library processes alone, in the `form` given.

    Raises `TraceError` for what cannot be compiled, `ProofError` where the trace differs from torch, `QuantizeError`
    where a value does not fit the chip, `InputError` for wrong arguments, and one `ChipError` that lists all errors
    that the chip's design rules find. What they only warn of is a warning: see `check`.
    """
    form, merged = form_of(microcode, form, precision), check_flag(merged, "merged")
    tune = check_flag(tune, "tune")
    for wanted, what, given in ((merged, "merged synapses need", "merged"), (tune, "tuning needs", "tune")):
        if wanted and form is not None:
            raise InputError(f"{what} microcode", advice=f"Leave out {given}=True, or microcode=False.")
    asked = ask(model, calibration, Settings(timespans, chip, precision, dt, batch_first))
    from ltc2neuro.compilation.advice import warn_of
    from ltc2neuro.compilation.stages import design, record_and_prove, simplify_and_prove, with_integers

    with shown_stages("compile", 6):
        recorded = record_and_prove(asked)
        warn_of(recorded, stacklevel=2)
        if form is not None:
            return without_microcode(recorded, form, stacklevel=2)
        simplified = simplify_and_prove(recorded, lambda graph: simplify(graph, MERGING if merged else PASSES))
        if merged and merge_synapses.__name__ not in {p.name for p in simplified.passes}:
            raise InputError(
                "there are no synapses to merge",
                numbers="no solver of this model reads the input and its states through the same synapse function",
                advice="Leave out merged=True: it is for LTCs.",
            )
        made, findings = design(simplified)
        refuse(findings, asked.chip)
        made, more = with_integers(made, simplified)
        findings += later_fit(more)
        refuse(findings, asked.chip)
        warn(findings, stacklevel=2)
        parts = _parts(simplified, made)
        net = Network.of(parts, known_answer(parts))
    net = tuned(net, asked.sequences) if tune else net
    warn_of_outputs(net.parts, asked.sequences, POOR, stacklevel=2)
    return net


def _parts(simplified: Simplified, made: Design) -> Parts:
    """The parts of a network whose design no rule forbids; its known answer is still unknown."""
    prepared, chip = made.prepared, simplified.recorded.asked.chip
    assert prepared is not None and made.floating is not None  # the rules have seen its integers
    record = simplified.as_record(
        Record,
        float_graph=simplified.graph,
        proven=prepared.proven,
        precision=simplified.recorded.asked.precision,
        passes=(*simplified.passes, *made.floating.passes),
    )
    return Parts(record, Runners(prepared, chip))
