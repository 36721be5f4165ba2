"""The shapes of what a model returns to several numbers of steps: which of it are answers, and how their axes lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from hw_models.errors import TraceError
from ltc2neuro.tracing.calling.answering import Place, complex_answer, members
from ltc2neuro.tracing.ops.shape_ops import TakenApartError
from ltc2neuro.tracing.recording import axes

Shape = tuple[int, ...]
OTHER, MANY = axes.STEPS + 2, 131
"""Numbers of steps, to tell these from features, and from the latest ones: a model may answer with some of them"""


@dataclass(frozen=True)
class StepAxes:
    """Where the steps of a tensor are, and the shape of what is there at one."""

    readout: str
    shape: Shape
    time_first: int = False


@dataclass(frozen=True)
class ModelResult:
    """What a model returned to so many steps: tensors by their places."""

    steps: int
    tensors: Mapping[Place, Shape]
    names: Mapping[Place, str] = field(default_factory=dict)
    keyed: bool = False

    @property
    def named(self) -> bool:
        """Whether the model says what is an answer."""
        return self.keyed or any(self.names.values())

    def layouts(self, place: Place) -> list[StepAxes]:
        """Those that one tensor may have."""
        shape, orders = self.tensors[place], ((axes.ROWS, self.steps), (self.steps, axes.ROWS))
        stepped = [StepAxes("every", shape[2:], turned) for turned, order in enumerate(orders) if shape[:2] == order]
        return stepped + ([StepAxes("last", shape[1:])] if shape[:1] == (axes.ROWS,) else [])

    @staticmethod
    def of(result: object, steps: int) -> ModelResult:
        """That of what it returned. Raises `TraceError` where that is no answer."""
        keyed = isinstance(result, Mapping)
        held = dict(members(result)) if isinstance(result, (tuple, Mapping)) else {0: result}
        fields = getattr(type(result), "_fields", ())
        tensors = {p: y for p, y in held.items() if isinstance(y, torch.Tensor)}
        found = {p: tuple(y.shape) for p, y in tensors.items()}
        for place in [p for p, y in tensors.items() if y.is_complex()]:
            stepped = found[place][:2] in ((axes.ROWS, steps), (steps, axes.ROWS))
            if (not place or keyed or stepped) and not isinstance(place, tuple):
                raise complex_answer(found[place], f" {place!r}" * bool(place))
            if not stepped:
                del found[place]
        if all(isinstance(place, tuple) for place in found) or (0 not in found and not isinstance(result, Mapping)):
            raise TraceError(
                "the model returns no answer: a tensor, a tuple that begins with one, or a dict of them",
                numbers=f"it returns {type(result).__name__}",
                advice="Answers of all steps are one tensor: torch.stack(answers, 1).",
            )
        names = {p: str(p) if keyed else fields[p] if fields and isinstance(p, int) else "" for p in found}
        return ModelResult(steps, found, names, keyed)


def answers_in(results: Sequence[ModelResult], single: ModelResult | None) -> dict[Place, StepAxes]:
    """Those among the tensors of results, and of that of a `single` step. Raises `TakenApartError` for an answer that
    has no layout."""
    found: dict[Place, StepAxes] = {}
    begins, lists = next(place for place in results[0].tensors if not isinstance(place, tuple)), longer(results)
    for place in results[0].tensors:
        if isinstance(place, tuple) and place[:-1] in lists:
            continue
        first, *others = (result.layouts(place) for result in results)
        both = [layout for layout in first if all(layout in other for other in others)]
        latest = None if single is None or place not in single.tensors else _latest([single, *results], place)
        if latest is not None:
            found[place] = latest
        elif both:
            found[place] = both[0]
        elif isinstance(place, tuple):
            continue
        elif fewer := _fewer(results, place):
            raise TraceError(
                f"the model answers to {fewer} sample{'s' * (fewer > 1)} fewer than there are",
                where=f"result {place!r}" * bool(place),
                numbers="; ".join(f"{axes.ROWS} rows of {r.steps} steps give {r.tensors[place]}" for r in results),
                advice="A network answers to each sample, from the first on: let the answer to that one be there, too, "
                "such as answers = [head(h)] before the loop, "
                f"and leave it out after the network: net(x)[:, {fewer}:].",
            )
        elif results[0].named or place == begins or len({r.tensors.get(place) for r in results}) > 1:
            steps_first = all(r.tensors.get(place, ())[:1] == (r.steps,) for r in results)  # taken for rows
            error = TakenApartError if place == begins or steps_first else TraceError
            name = "" if place == begins else f" {place!r}"
            raise error(
                f"the model's answer{name} is neither one per step nor one for the last step",
                numbers="; ".join(f"{axes.ROWS} rows of {r.steps} steps give {r.tensors.get(place)}" for r in results),
                advice="Return (batch, time, ...), or (batch, ...) of the last step; choose steps after the network.",
            )
    return found


def _fewer(results: Sequence[ModelResult], place: Place) -> int:
    """By how many steps a tensor has fewer than the model was given, each time, or none; 0 of one that has not."""
    shapes = [result.tensors.get(place, ()) for result in results]
    if any(shape[:1] != (axes.ROWS,) or len(shape) < 2 for shape in shapes):
        return 0
    fewer = results[-1].steps - shapes[-1][1]
    cut = all(shape[1] == max(0, result.steps - fewer) for result, shape in zip(results, shapes, strict=True))
    return fewer if cut and fewer > 0 else 0


def longer(results: Sequence[ModelResult]) -> list[tuple[int | str, ...]]:
    """The places of lists that hold more where there are more steps."""
    every = [{place for place in result.tensors if isinstance(place, tuple)} for result in results]
    return list(dict.fromkeys(place[:-1] for place in sorted(every[-1] - every[0], key=str)))


def without_steps(found: Mapping[Place, StepAxes]) -> list[Place]:
    """What comes beside an answer to each step, and has no steps: last states, if they are no readouts."""
    own = {place: layout for place, layout in found.items() if not isinstance(place, tuple)}
    begins = next(iter(own.values()))
    return [place for place, layout in own.items() if begins.readout == "every" and layout.readout == "last"]


def _latest(results: Sequence[ModelResult], place: Place) -> StepAxes | None:
    """The layout of a tensor that has the latest steps alone: as many as there are, up to some."""
    shapes = [result.tensors[place] for result in results]
    for axis in (1, 0):
        if any(len(shape) < 2 or shape[1 - axis] != axes.ROWS for shape in shapes):
            continue
        most = shapes[-1][axis]
        if 1 < most < MANY and all(shape[axis] == min(r.steps, most) for shape, r in zip(shapes, results, strict=True)):
            return StepAxes(f"last {most}", shapes[0][2:], time_first=axis == 0)
    return None
