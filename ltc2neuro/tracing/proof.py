"""The proof: the recorded graph computes what torch computes, value by value, on the user's own data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from compiler.backends.execution import Execution
from compiler.backends.float_graph import run_float
from compiler.graph import Graph, State
from hw_models.errors import Ltc2NeuroError, ProofError
from ltc2neuro.nn.recurrence import split
from ltc2neuro.tracing import axes
from ltc2neuro.tracing.calling import Calling, by_length, forward, with_time
from ltc2neuro.tracing.modules import Forward, instrumented
from ltc2neuro.tracing.source import raised_at
from ltc2neuro.tracing.watches import Watch

Floats = npt.NDArray[np.float64]

_ROWS, _STEPS = 4, 16
"""How many sequences, and steps of each, are compared"""
_WHOLE = 1024
"""Steps of the longest sequence that are compared in the model's answer"""
_SINGLE = 1e-5
"""The tolerance of a model in float32"""
_SMALL = 1e-2
_ROUNDING = " Or it amplifies the rounding of float32, as large offsets and weights do: then compile model.double()."
"""What else a difference that is this small may come from"""
_GATHERED = 100
"""How many times the tolerance rounding may gather over so many steps"""


def prove(
    model: torch.nn.Module,
    graph: Graph,
    calling: Calling,
    watches: Sequence[Watch],
    sequences: Sequence[Floats],
    dtype: torch.dtype,
) -> None:
    """Run torch and the graph on some of the sequences and compare outputs, states and modules' results.

    Raises `ProofError` that names the first value, in the order of computation, that differs.
    """
    tolerance = 1e-10 if dtype == torch.float64 else _SINGLE
    returned: defaultdict[str, list[object]] = defaultdict(list)
    timed = with_time(model, calling.dt)

    def wrap(path: str, module: torch.nn.Module, original: Forward) -> Forward:
        inner = timed(path, module, original)

        def seen(*args: object, **kwargs: object) -> object:
            result = inner(*args, **kwargs)
            returned[path].append(_kept(result))
            return result

        return seen

    clone = instrumented(model, wrap)
    values = [w.value for w in watches if not w.is_state]
    for x in _batches(sequences, alone=calling.timed):
        returned.clear()
        outputs = _answer(clone, x, dtype, calling)
        run = run_float(graph, x, record=list(dict.fromkeys(values)))
        for state in graph.states:
            _check_bound(graph, state, run.states[state.name], tolerance)
        for watch in watches:
            if watch.is_state:
                pair = _state(watch, clone.get_submodule(watch.module), run, returned, x.shape[1])
            else:
                pair = _value(watch, run, returned, watches)
            if pair is not None:
                _compare(watch.value, *pair, tolerance, _origin(graph, watch.value))
        ours = run.outputs.reshape(*x.shape[:2], *calling.step_shape)
        _compare("the output", ours if calling.readout == "every" else ours[:, -1], outputs, tolerance)
        if not np.array_equal(_answer(clone, x, dtype, calling), outputs):
            raise ProofError(
                "the model answers differently when it is called again",
                advice="It keeps something from call to call, or draws random numbers. Put a state under "
                "ltc2neuro.nn.Recurrent, which starts each sequence anew.",
            )
    _prove_whole(clone, graph, calling, max(sequences, key=len)[:_WHOLE], dtype, tolerance)


def _prove_whole(
    clone: torch.nn.Module, graph: Graph, calling: Calling, sequence: Floats, dtype: torch.dtype, tolerance: float
) -> None:
    """Compare the answer to a long sequence: a window such as x[:, -20:] takes all of a short one.

    Of an answer at every step the first steps tell, which no later step reaches.
    """
    if len(sequence) <= _STEPS:
        return
    x = np.stack([sequence] if calling.timed else [sequence, sequence[::-1]])
    outputs = _answer(clone, x, dtype, calling)
    if calling.readout == "every":
        _same_shape("the output", (*x.shape[:2], *calling.step_shape), outputs.shape)
        x, outputs = x[:, :_STEPS], outputs[:, :_STEPS]
    ours = run_float(graph, x).outputs.reshape(*x.shape[:2], *calling.step_shape)
    if calling.readout == "last":
        ours, tolerance = ours[:, -1], _GATHERED * tolerance
    _compare("the output", ours, outputs, tolerance)


def _answer(clone: torch.nn.Module, x: Floats, dtype: torch.dtype, calling: Calling) -> Floats:
    try:
        return forward(clone, x, dtype, calling)
    except Ltc2NeuroError:
        raise
    except Exception as error:
        raise ProofError(
            "the model fails on a batch of another shape than the trace's",
            where=str(raised_at(error) or ""),
            numbers=f"(batch, time, features) = {x.shape}: {type(error).__name__}: {error}",
            advice=f"Write no numbers of rows or steps into the model ({axes.ROWS} and {axes.STEPS} in the trace).",
        ) from error


def _origin(graph: Graph, value: str) -> str:
    """Where the model computes a value: its name and the user's line."""
    known = graph.values.get(value)
    return f"{value}, {known.lines[0]}" if known is not None and known.lines else value


def _kept(result: object) -> object:
    """A copy: an in-place operation may follow."""
    if isinstance(result, torch.Tensor):
        return result.detach().clone()
    return tuple(_kept(item) for item in result) if isinstance(result, tuple) else result


def _batches(sequences: Sequence[Floats], *, alone: bool) -> list[Floats]:
    """Some sequences, those of one length side by side: (batch, time, features).

    Batches have more rows and steps than the trace, so that a constant made of their number is found out; where
    there are fewer, sequences are repeated, the other way round. With time spans each is `alone`: ncps 1.0.1 takes
    those of one row for another's units.
    """
    numbers = np.unique(np.linspace(0, len(sequences) - 1, _ROWS).astype(int))
    some = [_long_enough(sequences[n][:_STEPS]) for n in numbers]
    batches: list[Floats] = []
    for group in by_length(some, most=_ROWS):
        rows = [some[n] for n in group]
        while len(rows) <= axes.ROWS:
            rows.append(rows[-1][::-1])
        batches.append(np.stack(rows))
    return [row[None] for batch in batches for row in batch] if alone else batches


def _long_enough(sequence: Floats) -> Floats:
    copies = -(-(axes.STEPS + 1) // len(sequence))
    return np.concatenate([sequence] * copies) if copies > 1 else sequence


def _value(
    watch: Watch, run: Execution, returned: dict[str, list[object]], watches: Sequence[Watch]
) -> tuple[Floats, Floats] | None:
    """What graph and torch have for a module's result; None where they cannot be set side by side."""
    layout = axes.layout(watch.codes) if watch.codes is not None else None
    calls = max((w.call for w in watches if not w.is_state and w.module == watch.module), default=0)
    results = returned.get(watch.module, [])
    if layout is None or watch.codes is None or len(results) != calls:
        return None
    result = results[watch.call - 1]
    first = result[0] if isinstance(result, tuple) else result
    if not isinstance(first, torch.Tensor):
        return None
    torchs = first.transpose(0, 1) if layout.time_first else first
    elements = layout.sample(watch.codes)
    ours = run.record[watch.value][:, :, elements.reshape(-1).numpy()]
    ours = ours.reshape(*ours.shape[:2], *elements.shape)
    return (ours if layout.every else ours[:, -1]).astype(np.float64), torchs.double().numpy()


def _state(
    watch: Watch, cell: torch.nn.Module, run: Execution, returned: dict[str, list[object]], steps: int
) -> tuple[Floats, Floats] | None:
    """What graph and torch have for a state after each step."""
    results = returned.get(watch.module, [])
    start = (watch.call - 1) * steps
    if len(results) < start + steps or len(results) % steps:
        return None
    states: list[torch.Tensor] = []
    for result in results[start : start + steps]:
        _, state = split(result, cell)
        states.append(state[watch.position] if isinstance(state, tuple) else state)
    torchs = torch.stack(states, 1).double().numpy()
    return run.states[watch.value].astype(np.float64), torchs.reshape(*torchs.shape[:2], -1)


def _check_bound(graph: Graph, state: State, reached: npt.NDArray[np.generic], tolerance: float) -> None:
    """Integers are cut at the bound that a cell states."""
    if state.low is None or state.high is None:
        return
    low, high = graph.constants[state.low], graph.constants[state.high]
    room = tolerance * max(1.0, float(np.max(np.abs([low, high]))))
    beyond = np.maximum(low - reached, reached - high).max(axis=(0, 1))
    if np.any(beyond > room):
        worst = int(np.argmax(beyond))
        values = reached[:, :, worst]
        raise ProofError(
            f"the state {state.name} leaves the bound that its cell states",
            where=f"{state.name}, element {worst}",
            numbers=f"it goes from {values.min():.6g} to {values.max():.6g}, the bound is {low[worst]:.6g} to "
            f"{high[worst]:.6g}",
            advice="Let the cell's state_bounds return None for this state: its range is calibrated then.",
        )


def _same_shape(name: str, ours: tuple[int, ...], torchs: tuple[int, ...]) -> None:
    if ours != torchs:
        raise ProofError(
            f"{name} has another shape than the trace tells: the model takes some of a longer sequence's steps only",
            where=name,
            numbers=f"torch returns {torchs}, expected {ours}",
            advice="A network answers at every step or at the last (y[:, -1]). Cut windows such as x[:, -20:] outside "
            "of the model.",
        )


def _compare(
    name: str, ours: npt.NDArray[np.generic], torchs: Floats, tolerance: float, where: str | None = None
) -> None:
    _same_shape(name, ours.shape, torchs.shape)
    wrong = int(np.sum(~np.isfinite(torchs)))
    if wrong:
        raise ProofError(
            f"{name} is not finite in torch itself",
            where=where or name,
            numbers=f"{wrong} of {torchs.size} values on the calibration",
            advice="The model diverges there: give it shorter steps, smaller time spans or inputs, or train it again.",
        )
    scale = max(1.0, float(np.max(np.abs(torchs), initial=0.0)))
    difference = np.abs(np.asarray(ours, np.float64) - torchs)
    worst = float(np.max(difference, initial=0.0))
    if not worst <= tolerance * scale:
        raise ProofError(
            f"the traced graph does not compute what torch computes: {name} differs first",
            where=where or name,
            numbers=f"by {worst:.3g}; allowed are {tolerance:g} times {scale:.3g}",
            advice="The model does something that tracing does not see: a result that depends on the length or on the "
            "number of rows, on earlier calls, or on random numbers. Take it out of forward."
            + (_ROUNDING if tolerance >= _SINGLE and worst < _SMALL * scale else ""),
        )
