"""Models that want their first states as arguments, `forward(x, state)`: they are given None, or zeros that fit."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

import torch

from hw_models.errors import TraceError
from ltc2neuro.nn.recurrence import written

_STATE = re.compile(r"^_?(h|c|s|z|v|hx|cx|hc|h_?0|c_?0)(_?(t|in|prev|last|old))?$|stat|hid|carry|memor|prev|^init|^mem")
Start: TypeAlias = "Callable[[int, torch.dtype], object]"
"""What is given for a batch of so many rows"""
MOST_IN_A_DICT = 6
"""Of what may fit, so much is tried of each of its values"""


def without_default(model: torch.nn.Module) -> tuple[str, ...]:
    """The names of the arguments of its forward that have no default."""
    any_ = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):  # of what is not written in Python nothing is known
        return ()
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind not in any_)


def first_states(model: torch.nn.Module) -> tuple[str, ...]:
    """The names of the states that it must be given after its input, if that is all."""
    rest = without_default(model)[1:]
    return rest if all(map(_STATE.search, rest)) else ()


@dataclass
class Starts:
    """What a model that `needs` states by these names, after its input, is given for them."""

    model: torch.nn.Module
    needs: tuple[str, ...]
    _found: dict[int, tuple[Start, ...]] = field(default_factory=dict)

    def besides(self, args: Sequence[object], kwargs: dict[str, object]) -> dict[str, object]:
        """The states that a call lacks. Raises `TraceError` where none fit."""
        lacking = [name for place, name in enumerate(self.needs, 1) if place >= len(args) and name not in kwargs]
        if not lacking or not isinstance(args[0], torch.Tensor) or args[0].dim() < 3:
            return {}
        x = getattr(args[0], "example", args[0])  # of one that is recorded
        for axis in (0, 1):
            if axis not in self._found:
                with torch._C.DisableTorchFunction():
                    self._found[axis] = self._fitting(x, axis, len(lacking))
            if self._found[axis]:
                made = [start(int(x.shape[axis]), x.dtype) for start in self._found[axis]]
                return dict(zip(lacking, made, strict=True))
        raise TraceError(
            "the model wants a state, and neither None nor zeros fit",
            where=written(self.model),
            numbers=f"for {', '.join(lacking)}",
            advice="Give it a default: def forward(self, x, state=None), and let it start there: if state is None: "
            "state = x.new_zeros(len(x), 8), or {'h': x.new_zeros(len(x), 8)} of a dict.",
        )

    def _fitting(self, x: torch.Tensor, axis: int, count: int) -> tuple[Start, ...]:
        """The first that a copy of the model runs with, and returns states of the same shapes if it returns any."""
        shape = [int(n) for n in x.shape]
        shape[axis], shape[1 - axis] = 3, 5
        tried = [_candidates(self.model, _keys(self.model, name)) for name in self.needs[-count:]]
        for starts in product(*tried):
            model = copy.deepcopy(self.model).to(x.dtype).eval()
            wanted = [start(3, x.dtype) for start in starts]
            given = copy.deepcopy(wanted)  # it may write into a dict
            try:
                with torch.no_grad():
                    result = model(torch.zeros(shape, dtype=x.dtype), *given)
            except Exception:  # the next may fit
                continue
            rest = result[1:] if isinstance(result, tuple) else ()
            if (
                None in wanted
                or not rest
                or not _shapes(wanted)
                or _shapes(wanted) in (_shapes(rest), _shapes(rest[:1]))
            ):
                return starts
        return ()


def _keys(model: torch.nn.Module, name: str) -> list[str]:
    """Those that its forward reads of a dict of this name."""
    try:
        source = inspect.getsource(type(model).forward)
    except (OSError, TypeError):
        return []
    found = re.findall(rf"\b{name}(?:\[|\.get\(|\.pop\()\s*['\"](\w+)['\"]", source)
    return list(dict.fromkeys(found))


def _candidates(model: torch.nn.Module, keys: Sequence[str]) -> Iterator[Start]:
    """What may fit, of the fewest numbers first; dicts where there are `keys`."""
    if not keys:
        yield from _tensors(model)
        return
    each = [one for one in _tensors(model) if not isinstance(one(1, torch.float32), (tuple, list))][:MOST_IN_A_DICT]
    many = product(each, repeat=len(keys)) if len(keys) < 4 else ((start,) * len(keys) for start in each)
    for starts in sorted(many, key=lambda starts: len(set(starts))):
        yield lambda rows, dtype, own=starts: {key: one(rows, dtype) for key, one in zip(keys, own, strict=True)}


def _tensors(model: torch.nn.Module) -> Iterator[Start]:
    """None, tensors, and tuples and lists of them."""
    yield lambda rows, dtype: None
    named = ("hidden_size", "state_size", "out_features")
    cells, states, wide = ([getattr(m, name, None) for m in model.modules()] for name in named)
    sizes = dict.fromkeys(size for size in (*cells, *states, *wide) if isinstance(size, int) and size > 1)
    layers = [m.num_layers for m in model.modules() if isinstance(m, torch.nn.RNNBase)]
    for size in sizes:
        many = cells.count(size) or states.count(size) or 1
        for depth in dict.fromkeys([0, *layers, many]):
            one = _zeros(size, depth)
            yield one
            yield lambda rows, dtype, one=one: (one(rows, dtype), one(rows, dtype))
        single = _zeros(size, 0)
        yield lambda rows, dtype, one=single, many=many: [one(rows, dtype) for _ in range(many)]


def _zeros(size: int, depth: int) -> Callable[[int, torch.dtype], torch.Tensor]:
    return lambda rows, dtype: torch.zeros((depth, rows, size) if depth else (rows, size), dtype=dtype)


def _shapes(value: object) -> list[tuple[int, ...]]:
    if isinstance(value, torch.Tensor):
        return [tuple(value.shape)]
    members = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [shape for item in members for shape in _shapes(item)]
