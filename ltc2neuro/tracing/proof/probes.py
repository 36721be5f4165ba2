"""Probes: the inputs on which the proof compares the graph with torch. The calibration, and what users meet beyond it.

A model may do something else for one row or many, for short or long sequences, at rest, or for large values; none of
that shows in a calibration. What a probe would cost is counted beforehand, in elements that graph and torch compute,
and where it is too much there are fewer rows and steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compiler.graph.workload import Work
from hw_models.arrays import Floats, by_length
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.extents import Decisions

BUDGET = 8e8
"""Elements that torch computes at most for a proof, about: one or two seconds of a processor"""
_CALIBRATION, _SPECIAL = 0.125, 0.125
"""Parts of the budget"""
_OP = 700
"""What the call of an op costs, in elements"""

_COUNTS = 0.01
"""The part of the budget for each other number of rows"""
ROW_COUNTS = (3, 4, 5, 6, 7, 8, 9, 16, 17, 32, 33, 64, 65, 128)
LONG_STEPS, LOOP_STEPS = 1024, 4096
"""Over so many a model is proved at least, and one whose own code may count steps"""
MOST_STEPS = 20_000
"""The largest number in a model's code for which it is tried over as many"""
MORE_ROW_COUNTS = (*range(10, 33), 40, 48, 50, 60, 63, 64, 72, 80, 96, 100, 120, 127, 128)
"""For a model that decides something by the number of rows"""
STEP_COUNTS = (*range(3, 33), 36, 40, 45, 48, 50, 60, 63, 64, 65, 70, 72, 75, 80, 90, 96, 100, 120, 125, 127, 128, 150,
               160, 192, 200, 240, 250, 256, 300, 360, 365, 400, 480, 500, 512, 600, 720, 750, 784, 800, 900, 960,
               1000)  # fmt: skip
"""For one that decides by the number of steps"""
_DECIDED = 0.5
"""Of the budget, for other numbers of steps"""
LONG_ROWS = 2
SPECIAL_STEPS = 32
MOST_TOGETHER = 64
"""rows of one batch"""


@dataclass(frozen=True)
class Probe:
    """A batch `x` (rows, steps, channels): its name, and what each row is, in words.

    Of the user's `own` data torch must give finite answers; another probe on which it does not is left out. `fewer`
    says what the budget has cut.
    """

    name: str
    x: Floats
    rows: tuple[str, ...]
    own: bool = False
    fewer: str = ""
    beyond: int = 0
    """how many rows, the last ones, leave the calibrated range: a cell's bounds need not hold there"""
    together: bool = False
    """whether rows with time spans run side by side"""


@dataclass(frozen=True)
class ProbeSource:
    """What probes are made from: sequences (time, channels), and what the model costs.

    Where they are `timed`, the last channel is the time before each sample, and rows run alone. Where samples are
    `tokens`, none but those of the vocabulary are tried.
    """

    sequences: Sequence[Floats]
    costs: Work
    timed: bool = False
    tokens: Tokens | None = None
    numbers: tuple[int, ...] = ()
    """in the model's code"""


def affordable(costs: Work, budget: float, rows: int, *, alone: bool) -> int:
    """How many steps of this many rows cost `budget`; `alone`: one row after the other."""
    calls = costs.calls * _OP * (rows if alone else 1)
    return int(budget / (calls + rows * costs.elements))


def short_probes(source: ProbeSource, decisions: Decisions | None = None, *, together: bool = False) -> list[Probe]:
    """The calibration, and probes of other shapes and values, few of them much longer than it.

    `decisions` are those that the model makes by the number of rows or steps. Of timed rows those of one probe run
    `together` if they can.
    """
    sequences, costs, timed = source.sequences, source.costs, source.timed
    own, special = _calibration(source), _special(source)
    most = min(SPECIAL_STEPS, affordable(costs, _SPECIAL * BUDGET, 1, alone=False))
    alone = sequences[0][: max(axes.STEPS + 1, most)]
    name = "calibration, sequence 0"
    single = [] if any(len(p.x) == 1 for p in own) else [Probe("one row", alone[None], (name,))]
    single += [Probe(f"one row, {n} step{'s' * (n > 1)}", long_enough(alone, n)[None, :n], (name,)) for n in (1, 2)]
    lengths = [n for n in (1, 2) if n < special.x.shape[1]]
    shapes = [replace(special, name=f"{len(special.x)} rows, {n} step{'s' * (n > 1)}", x=special.x[:, :n], fewer="")
              for n in lengths]  # fmt: skip
    counts = [] if timed else _counts(special, ROW_COUNTS)
    cheap = [p for p in counts if affordable(costs, _COUNTS * BUDGET, len(p.x), alone=False) > 2]
    if len(cheap) < len(counts):
        most = f"no other numbers of rows than up to {len(cheap[-1].x)}" if cheap else "no other numbers of rows"
        special = replace(special, fewer=", ".join(filter(None, (special.fewer, most))))
    decided, left_out = _decided(source, decisions or Decisions(), special, together=together)
    special = replace(special, fewer=", ".join(filter(None, (special.fewer, left_out))))
    shapes += [*cheap, *(p for p in decided if p.name not in {c.name for c in cheap})]
    if together:
        shapes.append(replace(special, name=f"{len(special.x)} rows side by side", x=special.x[:, :3], together=True))
    return [*own, *single, special, *shapes]


def _decided(source: ProbeSource, decisions: Decisions, special: Probe, *, together: bool) -> tuple[list[Probe], str]:
    """Many other numbers of rows and of steps, for a model that decides something by them, and what is left out."""
    sequences, costs, timed = source.sequences, source.costs, source.timed
    found: list[Probe] = []
    left_out: list[str] = []
    if decisions.rows and timed and not together:
        left_out.append("numbers of rows, by which the model decides something: with time spans rows run alone")
    elif decisions.rows:
        counts = _counts(replace(special, together=timed), sorted({*ROW_COUNTS, *MORE_ROW_COUNTS}))
        found += [p for p in counts if affordable(costs, _COUNTS * BUDGET, len(p.x), alone=False) > 2]
        if len(found) < len(counts):
            left_out.append(f"numbers of rows above {max((len(p.x) for p in found), default=len(special.x))}")
    if decisions.steps:
        near = {len(s) + n for s in sequences for n in (-1, 1)}
        named = {n + more for n in source.numbers if n <= MOST_STEPS for more in (-1, 0, 1)}
        rows = 1 if timed else LONG_ROWS
        left, every, most = affordable(costs, _DECIDED * BUDGET, rows, alone=False), np.concatenate(sequences), 2
        for n in sorted((n for n in {*STEP_COUNTS, *near, *named} if n > 2), key=lambda n: (n not in named, n)):
            left -= n
            if left < 0:
                left_out.append(f"numbers of steps above {most}, but those of the other probes")
                break
            x, most = long_enough(every, n), n
            names = ("the calibration's beginning", "its end, the other way round")[:rows]
            name = f"{rows} row{'s' * (rows > 1)}, {n} steps"
            found.append(Probe(name, np.stack([x[:n], x[-n:][::-1]][:rows]), names))
    return found, ", ".join(f"no {what}" for what in left_out)


def _counts(special: Probe, numbers: Sequence[int]) -> list[Probe]:
    """Other numbers of rows, for two steps: a model may branch on them."""
    copies = -(-max(numbers) // (len(special.x) - special.beyond))
    x, rows = np.concatenate([special.x[:, :2]] * copies), special.rows * copies
    tame = [n for n in range(len(x)) if n % len(special.x) < len(special.x) - special.beyond]
    two = replace(special, fewer="", beyond=0)
    return [replace(two, name=f"{n} rows, 2 steps", x=x[tame[:n]], rows=tuple(rows[m] for m in tame[:n]))
            for n in numbers]  # fmt: skip


def _calibration(source: ProbeSource) -> list[Probe]:
    """The calibration, sequences of one length side by side, as many as the budget allows; at least one, whole.

    A batch has more rows than the trace, so that a constant made of their number is found out: where there are fewer,
    sequences are repeated, the other way round. The same holds for its steps.
    """
    sequences, costs, timed = source.sequences, source.costs, source.timed
    allowed = affordable(costs, _CALIBRATION * BUDGET, 1, alone=False)
    if not timed:  # calls of ops are shared by the rows of a batch
        allowed = max(allowed, MOST_TOGETHER * affordable(costs, _CALIBRATION * BUDGET, MOST_TOGETHER, alone=False))
    chosen: list[int] = []
    for number in _spread(len(sequences)):
        if chosen and sum(len(sequences[n]) for n in [*chosen, number]) > allowed:
            break
        chosen.append(number)
    fewer = "" if len(chosen) == len(sequences) else f"{len(chosen)} of {len(sequences)} sequences"
    chosen.sort()
    probes: list[Probe] = []
    for together in by_length([sequences[n] for n in chosen], MOST_TOGETHER):
        rows = [long_enough(sequences[chosen[i]], axes.STEPS + 1) for i in together]
        names = [f"calibration, sequence {chosen[i]}" for i in together]
        spare = allowed - sum(map(len, rows))
        while len(rows) <= axes.ROWS and not timed and spare > 0:
            spare -= len(rows[0])
            rows, names = [*rows, rows[-1][::-1]], [*names, f"{names[-1]}, the other way round"]
        probes.append(Probe("the calibration", np.stack(rows), tuple(names), own=True, fewer=fewer))
    return probes


def _spread(count: int) -> list[int]:
    """All numbers below `count`, those first that are far from each other."""
    order = [0, count - 1]
    gap = count
    while gap > 1:
        gap = -(-gap // 2)
        order += range(0, count, gap)
    return list(dict.fromkeys(n for n in order if n >= 0))


def _special(source: ProbeSource) -> Probe:
    """Rest, single channels, and values beyond the calibrated ones; random signs. Of tokens, the whole vocabulary."""
    sequences, timed, tokens, length = source.sequences, source.timed, source.tokens, SPECIAL_STEPS
    every = np.concatenate(sequences)
    first, last = (long_enough(sequences[n], length)[:length] for n in (0, -1))
    mean = np.broadcast_to(every.mean(axis=0), first.shape)
    channels = first.shape[1] - timed
    groups = min(channels, length)  # many channels go in groups
    on = np.arange(length)[:, None] % groups == np.arange(first.shape[1]) * groups // channels
    rows = {
        "zeros": np.zeros_like(first),
        "each channel's mean": mean,
        "one channel after the other, the others 0": np.where(on, first, 0.0),
        "one channel after the other 0": np.where(on, 0.0, last),
        "random signs of the calibration's ends": signs(source, length, 1.0),
        "calibration, the other way round": last[::-1],
        "a little beyond the calibration's ends": signs(source, length, 1.25),
        "3 times beyond the calibration's ends": signs(source, length, 3.0),
        "30 times beyond the calibration's ends": signs(source, length, 30.0),
        "1,000 times beyond the calibration's ends": signs(source, length, 1000.0),
    }
    if tokens is not None:
        most, every = tokens.vocabulary, np.arange(length)[:, None]
        words = {
            "token 0": np.zeros((length, tokens.count)),
            "the first tokens": every % most,
            "the last tokens": (most - 1 - every) % most,
            "calibration, the other way round": last[::-1, : tokens.count],
            **{f"random tokens {seed}": drawn(tokens, length, seed) for seed in range(len(rows) - 4)},
        }
        rows = {
            f"{word}, {name}" if tokens.numbers else word: joined_with(tokens, words[word], row)
            for word, (name, row) in zip(words, rows.items(), strict=True)
        }
    if timed:  # a time span is not a value like the others: only calibrated ones are tried
        for name, row in rows.items():
            rows[name] = np.concatenate([row[:, : first.shape[1] - 1], first[:, -1:]], axis=1)
    x = np.stack(list(rows.values()))
    steps = affordable(source.costs, _SPECIAL * BUDGET, len(x), alone=timed)
    steps = min(length, max(steps, axes.ROWS))
    fewer = f"{steps} steps instead of {length}" if steps < length else ""
    name = "tokens of the whole vocabulary" if tokens else "at rest, single channels, beyond the calibration"
    return Probe(name, x[:, :steps], tuple(rows), fewer=fewer, beyond=sum("beyond" in row for row in rows))


def is_cut(special: Probe) -> bool:
    """Whether the budget has left that of special values fewer steps."""
    return special.x.shape[1] < SPECIAL_STEPS


def signs(source: ProbeSource, steps: int, beyond: float) -> Floats:
    """Each channel jumps at random between both ends of what the calibration has, or of `beyond` times as much."""
    every = np.concatenate(source.sequences)
    low, high = every.min(axis=0), every.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    half = np.where(half > 0, half, np.where(middle != 0, np.abs(middle), 1.0)) if beyond > 1 else half
    rng = np.random.default_rng(0)
    x = middle + beyond * half * rng.choice([-1.0, 1.0], size=(steps, len(middle)))
    if source.timed:
        x[:, -1] = rng.choice([low[-1], high[-1]], size=steps)
    return x


def joined_with(tokens: Tokens, words: Floats, x: Floats) -> Floats:
    """Tokens and, where there are others, the channels of `x` that are none."""
    found = words.copy()
    found[:, list(tokens.numbers)] = x[:, list(tokens.numbers)]
    return found


def drawn(tokens: Tokens, steps: int, seed: int = 0) -> Floats:
    """Tokens at random."""
    drawn = np.random.default_rng(seed).integers(0, tokens.vocabulary, (steps, tokens.count))
    return drawn.astype(np.float64)


def long_enough(sequence: Floats, steps: int) -> Floats:
    """The sequence, again and again until it has as many steps."""
    return np.concatenate([sequence] * -(-steps // len(sequence)))
