"""Which inputs have a value at each step, and no axis of features: masks, times and series, (batch, time)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ltc2neuro.inputs.arrays import Samples, as_array
from ltc2neuro.tracing.calling.arguments import order_of
from ltc2neuro.tracing.calling.dtype import model_dtype
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed

Given = Mapping[str, np.ndarray]


def with_time_alone(model: torch.nn.Module, given: Mapping[str, Samples]) -> frozenset[str]:
    """Those inputs (batch, n) that have n steps, as all others: the model runs on fewer and on more steps where they
    have as many, and does not where they are held."""
    first = {name: _first(x) for name, x in given.items()}
    whole = {name: x for name, x in first.items() if x.ndim > 1}
    steps = {len(x) for x in whole.values()}
    flat = {name: x for name, x in first.items() if x.ndim == 1 and x.dtype.kind == "f" and {len(x)} == steps}
    if not flat or len(whole) + len(flat) < len(first) or min(steps) < 2:
        return frozenset()
    with undisturbed():
        clone, kind = instrumented(model, lambda path, module, forward: forward), model_dtype(model)
        for time_first in (False, True):
            for own in ({}, flat):  # what is held, as before, comes first
                if all(_runs(clone, _others(whole, flat, own, steps=n), kind, time_first) for n in (-1, 1)):
                    return frozenset(own)
    return frozenset()


def has_time_alone(model: torch.nn.Module, x: Samples) -> bool:
    """Whether that is the only input of a model that has a value at each step: it runs on (batch, time) of any length,
    and not on (batch, time, 2)."""
    some = x[:1] if isinstance(x, (list, tuple)) else np.atleast_1d(as_array(x))[:1]
    name, one = next(iter(order_of(model)), ""), as_array(some[0] if len(some) else 0.0)
    if not name or one.ndim != 1 or one.dtype.kind != "f" or len(one) < 2:
        return False
    with undisturbed():
        clone, kind = instrumented(model, lambda path, module, forward: forward), model_dtype(model)
        return any(
            all(_runs(clone, ({name: row}, {}), kind, time_first) for row in (one[:-1], np.append(one, 0.0)))
            and not _runs(clone, ({name: np.stack([one, one], 1)}, {}), kind, time_first)
            for time_first in (False, True)
        )


def _first(x: Samples) -> np.ndarray:
    """That of the first sequence."""
    return as_array(x[0] if isinstance(x, (list, tuple)) else as_array(x)[0])


def _others(whole: Given, flat: Given, own: Given, *, steps: int) -> tuple[dict[str, np.ndarray], Given]:
    """So many more steps, or fewer, of what has any; and what is held."""
    moving = {**whole, **own}
    longer = {name: np.concatenate([x, x[-1:]]) if steps > 0 else x[:steps] for name, x in moving.items()}
    return longer, {name: x for name, x in flat.items() if name not in own}


def _runs(model: torch.nn.Module, given: tuple[Given, Given], kind: torch.dtype, time_first: bool) -> bool:
    moving, held = ({n: torch.from_numpy(np.stack([x, x])) for n, x in own.items()} for own in given)
    moving = {name: x.transpose(0, 1) if time_first else x for name, x in moving.items()}
    try:
        model(**{n: x.to(kind) if x.is_floating_point() else x for n, x in {**moving, **held}.items()})
    except Exception:  # whatever it is, it is not for such inputs
        return False
    return True
