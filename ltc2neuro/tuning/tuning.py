"""`tune`: a network of few parameter bits made better by the constants that it adds."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import cast

import numpy as np

from compiler.ranges.proven import Proven
from compiler.rewrite.runner import pass_record
from hw_models.arguments import check_count
from hw_models.arrays import Integers
from hw_models.errors import InputError
from ltc2neuro.compilation.acceptance import known_answer
from ltc2neuro.compilation.findings import later_fit, refuse
from ltc2neuro.compiled.microcode import with_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.poor_outputs import level_of
from ltc2neuro.compiled.record import Record
from ltc2neuro.compiled.tuned_constants import additive
from ltc2neuro.extras import TORCH
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.held_back import halves
from ltc2neuro.inputs.layout import BATCH_FIRST
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.network import Network
from ltc2neuro.progressing import begin, shown_stages
from ltc2neuro.tuning.fitting import fitting

LEAST = 3
"""Sequences: one judges, and two are learned from"""
EXACT_BITS = 54
"""Integers of so many bits, sign included, are exact in float64, in which gradients are computed"""


EPOCHS = 20


def tune(
    net: BaseNetwork, x: Inlet, *, timespans: Samples | None = None, epochs: int = EPOCHS, seed: int = 0
) -> Network:
    """The network with other constants where it adds them, so that its outputs are nearer to the float network's; or
    `net` itself, with a warning, where it would not be better.

    For LTCs and their like at `Precision(parameter=8)` or less: docs/precision.md has what it gains. Weights, formats
    and tables stay, and so do cores, time and energy. The constants are learned in torch, rounded as on the chip, by
    distillation: no targets are needed. `x`, with `timespans`, are sequences as for `compile`, those of the calibration
    or more; a third of them, chosen by the `seed`, only judges: the worst channel of the answer must be better there.
    `epochs` is how often the others are learned from. `net.passes`, in the file too, tell what was done.

    Raises `InputError` for wrong arguments, too little data, a network without microcode or without such constants,
    `MissingExtraError` where torch is not installed.
    """
    parts = with_microcode(net, "tune")
    epochs, seed = check_count(epochs, "epochs"), check_count(seed, "seed", least=0)
    return tuned(cast("Network", net), parts.host.sequences(x, timespans), epochs, seed)


def tuned(net: Network, x: Sequences, epochs: int = EPOCHS, seed: int = 0) -> Network:
    """`tune`, of sequences; what it warns of is at the line of who called the caller."""
    found = _better(net.parts, replace(x, layout=BATCH_FIRST), epochs, seed)
    return net if found is None else Network.of(found, known_answer(found))


def _better(parts: Parts, sequences: Sequences, epochs: int, seed: int) -> Parts | None:
    """The parts of a network that is tuned; None, with a warning, where it would not be better."""
    TORCH.require()
    record = parts.record
    names = additive(record.graph)
    _check(record, sequences, names)
    from ltc2neuro.tuning.training import Training, trained

    learned_from, judging = (
        replace(sequences, arrays=tuple(sequences.arrays[i] for i in part))
        for part in halves(len(sequences.arrays), seed)
    )
    with shown_stages("tune", epochs + 2):
        found = trained(record, names, learned_from.arrays, Training(epochs, seed))
        proven = fitting(record.proven, found, record.chip)
        made = Parts.of(replace(record, proven=proven))
        begin("judging")
        refuse(later_fit(made.findings(record.chip)), record.chip)
        before, after = (level_of(of, judging).worst.decibels for of in (parts, made))
        held = f"{before:.1f} to {after:.1f} dB in the worst channel of {len(judging.arrays)} held-back sequences"
        if not after > before:
            warnings.warn(
                f"tuning would not make this network better: {held}. It is returned as it was. More sequences or "
                f"epochs may help; it gains most at 8 bits of a parameter and fewer, and here they have "
                f"{record.precision.parameter}.",
                stacklevel=4,
            )
            return None
        note = f"{sum(np.count_nonzero(c != record.graph.constants[n]) for n, c in _of(proven, names).items())} of the "
        note += f"constants {', '.join(names)} learned from the float network on {len(learned_from.arrays)} sequences, "
        note += f"{epochs} epochs, seed {seed}: {held}"
        done = replace(pass_record(tune, record.graph, proven.graph), note=note)
        return Parts(replace(made.record, passes=(*record.passes, done)), made.runners)


def _of(proven: Proven, names: list[str]) -> dict[str, Integers]:
    return {n: proven.graph.constants[n] for n in names}


def _check(record: Record, sequences: Sequences, names: list[str]) -> None:
    """Refuse what cannot be learned."""
    bits = max([0, *record.proven.product_bits.values(), *record.proven.sum_bits.values()])
    if bits > EXACT_BITS:
        raise InputError(
            "this network's integers are too wide to be learned with torch",
            where=f"chip {record.chip.name}",
            numbers=f"products and sums of {bits} bits; float64 holds {EXACT_BITS}",
            advice="Tune networks of chips with words of 32 bits or fewer: wider ones lose nothing to parameters.",
        )
    if not names:
        raise InputError(
            "this network adds no constants that could be tuned",
            advice="Give its values more bits instead: ltc2neuro.attribute(net, x) tells which.",
        )
    count, constants = len(sequences.arrays), sum(record.graph.constants[n].size for n in names)
    numbers = sum(map(len, sequences.arrays)) * record.leaves.size
    if count < LEAST or numbers < 2 * constants:
        raise InputError(
            "there is too little data to tune the network on",
            where="x",
            numbers=f"{count} sequences, {numbers} numbers of their answers, {constants} constants",
            advice=f"Give at least {LEAST} sequences and {2 * constants} numbers: a third of them only judges.",
        )
