"""Where a model joins steps, when its whole sequence is one sample of what is recorded: found out in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch.overrides import TorchFunctionMode

from ltc2neuro.tracing.calling.model_inputs import ModelInputs
from ltc2neuro.tracing.ops.torch_ops import spellings
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import (
    ADDED,
    DIVIDED,
    PADDED,
    CallPlace,
    TimePlaces,
    count_below,
    count_of,
)
from ltc2neuro.tracing.recording.source import SourceLine, call, user_place

LENGTHS = (53, 59)
"""Of two sequences: an axis of such a length each time is that of time"""
SHORT = (1, 2)
"""Of two others: an axis of the last steps alone has no more than these"""
_JOINS = {*spellings("mean", "sum", "amax", "amin", "max", "min", "prod", "logsumexp", "std", "var")}
_POOLS = {*spellings("adaptive_avg_pool1d", "adaptive_max_pool1d", "_adaptive_max_pool1d")}
_PADS = {torch.nn.functional.pad, *spellings("conv1d")}
_ADDS = {*spellings("add", "__add__", "__radd__", "__iadd__", "add_")}
_SCALES = {*spellings("mul", "multiply", "__mul__", "__rmul__", "__imul__", "mul_")}
_DIVIDES = {*spellings("div", "true_divide", "__truediv__", "__div__")}


class _SeenJoins(TorchFunctionMode):
    """Sees which axes are joined where, and the most that is joined there; 0 where that differs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[CallPlace, int] = {}
        self.most: dict[CallPlace, int] = {}
        self.taken: dict[CallPlace, list[int]] = {}
        """the single places that are taken there, one after the other"""
        self._sums: dict[int, tuple[torch.Tensor, int]] = {}
        """terms that have been added up one by one, by the identity of their sum"""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        x = args[0] if args else kwargs.get("input")
        second = args[1] if len(args) > 1 else None
        if isinstance(x, torch.Tensor) and func in _JOINS | _POOLS:
            dim = -1 if func in _POOLS else kwargs.get("dim", kwargs.get("axis", second))
            given = range(x.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
            for axis in given if isinstance(given, (range, tuple, list)) else ():
                self._see(axis % x.dim(), x.shape[axis])
        count = count_of(second) if func in _DIVIDES else count_below(second) if func in _SCALES else None
        if count is not None:
            self._see(DIVIDED, count)
        if func is torch.Tensor.__getitem__ and isinstance(x, torch.Tensor):
            self._take(x, second if isinstance(second, tuple) else (second,))
        result = func(*args, **kwargs)
        if func in _PADS and isinstance(result, torch.Tensor) and isinstance(x, torch.Tensor):
            given = kwargs.get("padding", args[4] if len(args) > 4 else 0)
            sides = max(given if isinstance(given, (tuple, list)) else [given] if isinstance(given, int) else [0])
            for axis, size in enumerate(x.shape if sides else result.shape):
                self._see(PADDED - axis, size + sides)
        if func in _ADDS and isinstance(result, torch.Tensor):
            terms = 1 + max(self._sums[id(part)][1] if id(part) in self._sums else 0 for part in (x, second))
            self._sums[id(result)] = result, terms
            self._see(ADDED, terms)
        return result

    def _take(self, x: torch.Tensor, index: tuple[object, ...]) -> None:
        if all(type(part) in (int, slice) for part in index):  # no tensors, and no axes that are new
            for axis, part in enumerate(index):
                if isinstance(part, int):
                    self.taken.setdefault((*user_place(), axis), []).append(part % x.shape[axis])

    def _see(self, axis: int, size: int) -> None:
        place = *user_place(), axis
        self.found[place] = size if self.found.get(place, size) == size else 0
        self.most[place] = max(size, self.most.get(place, 0))


def time_places(model: Callable[[torch.Tensor], object], given: ModelInputs) -> TimePlaces:
    """Where a model of what it is given (rows, steps, *shape) joins steps; nowhere where it fails."""
    try:
        long, short = ([_seen(model, given, steps) for steps in lengths] for lengths in (LENGTHS, SHORT))
    except Exception:  # the proof says why: it takes as many steps
        return TimePlaces()
    joins = dict[CallPlace, int]()
    for place in long[0].found.keys() & long[1].found.keys():
        sizes = tuple(seen.found[place] for seen in long)
        left_out = LENGTHS[0] - sizes[0]
        if left_out == LENGTHS[1] - sizes[1] and left_out >= 0:
            joins[place] = -left_out
        elif sizes[0] == sizes[1] > 1 and tuple(seen.found.get(place, 0) for seen in short) == SHORT:
            joins[place] = sizes[0]
    windows = dict[CallPlace, int]()
    for place in long[0].most.keys() & long[1].most.keys():
        most = long[0].most[place]
        if most == long[1].most[place] > 1 and tuple(seen.most.get(place, 0) for seen in short) == SHORT:
            windows[place] = most
    padded = dict[SourceLine | None, int]()
    for place, size in long[0].most.items():
        (line, _, axis), beyond = place, size - LENGTHS[0]
        if axis <= PADDED and long[1].most.get(place) == LENGTHS[1] + beyond and beyond > 0:
            padded[line] = max(beyond, padded.get(line, 0))
    return TimePlaces(joins, windows, padded, dict(_before_the_first(long[0])))


def _before_the_first(seen: _SeenJoins) -> Iterator[tuple[CallPlace, int]]:
    """Where the first place is taken more often than it comes, as by `prev = x[:, 0]` before a loop or by
    `x[:, max(t - 1, 0)]` in one, and how often before it."""
    for place, taken in seen.taken.items():
        first = next((number for number, own in enumerate(taken) if own != 0), 0)
        if not any(taken):
            yield place, len(taken)
        elif first > 1:
            yield place, first - 1


def _seen(model: Callable[[torch.Tensor], object], given: ModelInputs, steps: int) -> _SeenJoins:
    with _SeenJoins() as seen:
        call(model, given.zeros(axes.ROWS, steps))
    return seen
