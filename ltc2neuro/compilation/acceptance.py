"""The end of `compile`, of both kinds of networks: the known answer, and whether the outputs are worth having."""

from __future__ import annotations

import warnings

import numpy as np

from ltc2neuro.compilation.calibration import MOST_NAMED
from ltc2neuro.compiled.poor_outputs import level_of
from ltc2neuro.compiled.record import BaseRecord, KnownAnswer
from ltc2neuro.compiled.runs import AnyParts, run_reference
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.progressing import begin

KNOWN_STEPS = 16
"""Length of the known-answer sequence that an artifact carries."""


APART = 50.0
"""How many times as much one channel varies as another, if their sizes may be why the outputs are poor"""


def _varied(sequences: Sequences) -> bool:
    """Whether any channel of these is more than one number: else `compile` has said what they lack."""
    return bool(np.any(np.ptp(np.concatenate(sequences.arrays), axis=0)))


def unknown(sequences: Sequences) -> KnownAnswer:
    """A piece of the calibration, without its answer."""
    return KnownAnswer.unanswered(sequences.arrays[0][None, :KNOWN_STEPS])


def warn_of_outputs(parts: AnyParts, sequences: Sequences, advice: str, stacklevel: int) -> None:
    """Say so, with the `advice`, where the integers are far from the float network on the calibration itself."""
    level = level_of(parts, sequences)
    if level.poor:
        channel = parts.record.answers.place(level.worst.channel or 0)
        warnings.warn(
            f"the integer outputs are only {level.worst.decibels:.1f} dB from the float network's in channel "
            f"{channel}, on {level.seen}. {_uneven(parts.record, sequences)}{advice}",
            stacklevel=stacklevel + 1,
        )
    if level.still and _varied(sequences):
        named = [parts.record.answers.place(i) for i in level.still[:MOST_NAMED]]
        more = f" and {len(level.still) - MOST_NAMED} more" if level.still[MOST_NAMED:] else ""
        warnings.warn(
            f"output channel{'s' if level.still[1:] else ''} {', '.join(named)}{more} of {parts.record.leaves.size} "
            f"never var{'y' if level.still[1:] else 'ies'} on {level.seen}, though they could: how precise the "
            "integers are where they do is not known. Give a calibration on which they vary.",
            stacklevel=stacklevel + 1,
        )


def known_answer(parts: AnyParts) -> KnownAnswer:
    """The reference's answer to the known sequence."""
    begin("the known answer")
    x = parts.record.known.x
    run = run_reference(parts, Sequences(tuple(x), ragged=False))
    states = {n: np.asarray(s, np.int64) for n, s in run.states.items()}
    return KnownAnswer(x, np.asarray(run.integers, np.int64), states)


def _uneven(record: BaseRecord, sequences: Sequences) -> str:
    """What to do about channels of very different sizes, where there are any: all of an input share one format."""
    if record.tokens is not None:
        return ""
    low, high = (end([end(s, axis=0) for s in sequences.arrays if len(s)], axis=0) for end in (np.min, np.max))
    size = (high - low) / 2
    varies = np.flatnonzero(size[: size.size - record.timed]).tolist()
    most, least = max(varies, key=size.item, default=0), min(varies, key=size.item, default=0)
    if size[most] <= APART * size[least]:
        return ""
    one, other = (record.channel(i) for i in (most, least))
    return (
        f"Input channel {one} varies by +-{size[most]:.3g} and channel {other} by +-{size[least]:.3g}, and an input's "
        "channels share one format: scale them to similar sizes. "
    )
