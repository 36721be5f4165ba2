"""The proof's errors: what the model does, and what to do about it."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from compiler.graph import Graph
from compiler.graph.ops import Output, StateWrite
from compiler.graph.origin import SourceLine
from hw_models.arrays import Floats
from hw_models.errors import Ltc2NeuroError, ProofError
from ltc2neuro.compiled.answers import THE_ONE
from ltc2neuro.tracing.proof.intermediates import Compared
from ltc2neuro.tracing.proof.probes import Probe
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.source import raised_at


def is_output(value: str) -> bool:
    """Whether a value is an answer of the model."""
    return value.startswith(THE_ONE)


_SHAPES = f"Do not write the number of rows or steps into the model ({axes.ROWS} and {axes.STEPS} in the trace)."
_TYPES = (
    "Tensors that forward makes need the type of its input: torch.zeros(..., dtype=x.dtype), or tensor.to(x.dtype)."
)
_OTHER = (
    f"It ran with {axes.ROWS} rows and {axes.STEPS} steps: look at what it does with another number of them. What it "
    "counts from call to call belongs in a state under ltc2neuro.nn.Recurrent."
)
_OF_TYPES = re.compile(r"dtype|scalar type|data type|\b(Float|Double|Half|Long|Int|Bool)\b")
_OF_SHAPES = re.compile(r"shape|size|dimension|must match|broadcast|stack|reshape", re.IGNORECASE)


AT_EVERY_STEP = (
    "A network does the same at every step, whatever its number: take that out of forward, or let an input choose, "
    "torch.where(x[:, t, -1:] > 0.5, new, h)."
)


class FailsError(ProofError):
    """The model fails in torch itself."""


def failure(error: Exception, shape: tuple[int, ...]) -> Exception:
    """What torch's error on a batch of this shape is for the user; ours stay what they are."""
    if isinstance(error, Ltc2NeuroError):
        return error
    text = str(error)
    torchs = isinstance(error, (RuntimeError, ValueError, TypeError))
    advice = _OTHER
    if torchs and _OF_TYPES.search(text):
        advice = _TYPES
    elif torchs and _OF_SHAPES.search(text):
        advice = _SHAPES
    return FailsError(
        "the model fails on a batch of a different shape than the trace's",
        where=str(raised_at(error) or ""),
        numbers=f"(batch, time, {'features' if len(shape) == 3 else '...'}) = {shape}: {type(error).__name__}: {error}",
        advice=advice,
    )


class DiffersError(ProofError):
    """Two values are further apart than rounding makes them: by the part `relative` of the largest in the channel."""

    relative: float = float("nan")
    step: int = 0
    steps: int = 0
    told: bool = False
    """whether the line is named that does something else there"""

    @classmethod
    def between(
        cls, graph: Graph, p: Compared, limits: Floats, beyond: npt.NDArray[np.bool_], probe: Probe
    ) -> DiffersError:
        """The first place of a probe at which a pair's values are `beyond` the `limits` of their difference."""
        step = int(np.flatnonzero(beyond.any(axis=(0, 2)))[0])
        row, channel = (int(n) for n in np.argwhere(beyond[:, step])[0])
        at = (row, step, channel)
        rows, steps = probe.x.shape[:2]
        since = f"from step {step} on" if p.every else f"at the last of {steps} steps"
        error = cls(
            f"the traced graph does not compute what torch computes: {p.value} differs first",
            where=_origin(graph, p.value),
            numbers=f"on the probe '{probe.name}', {rows} x {steps} (rows x steps), row '{probe.rows[row]}', {since}, "
            f"element {channel}: torch has {p.torchs[at]:.9g}, the graph {p.ours[at]:.9g}; they differ by "
            f"{p.difference[at]:.3g}, rounding explains {limits[at]:.2g}",
            advice="The model does something that tracing does not see: a result that depends on the number of steps "
            "or of rows, on how large a value is, on earlier calls, or on random numbers. Take it out of forward.",
        )
        error.relative = float(np.nanmax(p.relative))
        error.step, error.steps = step if p.every else steps - 1, steps
        return error

    def at(self, line: SourceLine | None) -> None:
        """Say that the model does something else there, and in which line, where one has the number of the step."""
        self.told = line is not None
        self.where: str = str(line or self.where)
        self.what: str = f"the model does not do the same at every step: at step {self.step} of {self.steps} it differs"
        self.advice = AT_EVERY_STEP


class OwnArithmeticError(DiffersError):
    """The model computes something else in its own type than in float64, as autocast does."""


def diverges(graph: Graph, p: Compared) -> ProofError:
    """The error for a value that is not finite in torch on the calibration."""
    wrong = ~np.isfinite(p.torchs)
    step = int(np.flatnonzero(wrong.any(axis=(0, 2)))[0])
    since = f", from step {step} on" if p.every else ""
    return ProofError(
        f"{p.value} is not finite in torch itself",
        where=_origin(graph, p.value),
        numbers=f"{int(wrong.sum())} of {wrong.size} values on the calibration{since}",
        advice="The model diverges there: give it shorter steps, smaller time spans or inputs, or train it again.",
    )


def other_shape(title: str, wanted: tuple[int, ...], answer: tuple[int, ...]) -> ProofError:
    """The error for an answer whose shape depends on the number of steps."""
    few = answer[:1] == wanted[:1] and answer[2:] == wanted[2:] and answer[1:2] != wanted[1:2] <= (2,)
    return ProofError(
        f"{title} has another shape than in the trace: the model takes only some steps of a longer sequence"
        if not few
        else f"{title} has another number of steps than the first samples of a sequence",
        where=title,
        numbers=f"torch returns {answer}, expected {wanted}",
        advice="A network answers at every step, at the last (y[:, -1], y[:, -k:]), or with a mean, sum or extreme. "
        "Cut windows such as x[:, -20:] outside of the model."
        if not few
        else "Let what stands before the first sample be as long as the sequence allows: F.pad(x, (0, 0, k, 0))[:, "
        ": x.shape[1]], or torch.cat([torch.zeros_like(x[:, :k]), x[:, k:] - x[:, :-k]], 1).",
    )


def _origin(graph: Graph, value: str) -> str:
    """Where the model computes a value: its name and the user's line."""
    name = next((op.x for _, op in graph.ops() if isinstance(op, Output)), value) if is_output(value) else value
    name = next((op.x for _, op in graph.ops() if isinstance(op, StateWrite) and op.state == name), name)
    known = graph.values.get(name)
    line = f", {known.lines[0]}" if known is not None and known.lines else ""
    module = f" of module {known.modules[0]!r}" if known is not None and known.modules and is_output(value) else ""
    return f"{value}{module}{line}"


def check_bound(graph: Graph, name: str, reached: npt.NDArray[np.generic], tolerance: float) -> None:
    """Integers are cut at the bound that a cell states."""
    state = graph.state(name)
    if state.low is None or state.high is None or reached.size == 0:
        return
    low, high = graph.constants[state.low], graph.constants[state.high]
    room = tolerance * max(1.0, float(np.max(np.abs([low, high]))))
    beyond = np.maximum(low - reached, reached - high).max(axis=(0, 1))
    if np.any(beyond > room):
        worst = int(np.argmax(beyond))
        values = reached[:, :, worst]
        raise ProofError(
            f"the state {name} leaves the bound that its cell states",
            where=f"{name}, element {worst}",
            numbers=f"it goes from {values.min():.6g} to {values.max():.6g}, the bound is {low[worst]:.6g} to "
            f"{high[worst]:.6g}",
            advice="Let the cell's state_bounds return None for this state: its range is calibrated then.",
        )
