"""What users hand in: arrays, tensors and lists of sequences, made into NumPy arrays of a known shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from hw_models.arguments import shown
from hw_models.arrays import Floats, by_length
from hw_models.errors import InputError
from ltc2neuro.inputs.array_rows import ArrayRows
from ltc2neuro.inputs.layout import BATCH_FIRST, Layout
from ltc2neuro.inputs.sample_shape import flat
from ltc2neuro.inputs.tokens import not_whole

if TYPE_CHECKING:
    import torch

ArrayOrTensor: TypeAlias = "npt.ArrayLike | torch.Tensor"
Samples: TypeAlias = "ArrayOrTensor | Sequence[ArrayOrTensor]"
Calibration: TypeAlias = "Samples | Iterable[object]"
"""as samples, or what makes batches of them, as a `DataLoader` does"""


@dataclass(frozen=True)
class Sequences:
    """Sequences (time, features) and whether they came as a list of their own (`ragged`) or as one array.

    `layout` is the order of batch and time in that array, and in those that are made of its answers; `sample_shape`
    the shape that each sample had, where that is known.
    """

    arrays: Sequence[Floats]
    ragged: bool
    layout: Layout = BATCH_FIRST
    sample_shape: tuple[int, ...] | None = None
    whole: bool = False
    """whether they may be tokens: of an integer type"""
    ends: tuple[Floats, Floats] | None = None
    """the smallest and largest of each channel, where these are some sequences of many"""
    whole_array: np.ndarray | None = field(default=None, init=False)
    """all of them, (batch, time, features), where they came so; what is made of some with `replace` has none"""

    @property
    def named(self) -> str:
        """What they are, of a calibration."""
        return "the calibration" if self.ends is None else "what is kept of the calibration"

    @property
    def shaped(self) -> list[np.ndarray]:
        """The sequences as they were given, (time, *sample_shape)."""
        kind, shape = np.int64 if self.whole else np.float64, self.sample_shape
        return [
            a.astype(kind, copy=False).reshape(len(a), *(a.shape[1:] if shape is None else shape)) for a in self.arrays
        ]

    def groups(self) -> list[list[int]]:
        """Indices of sequences of equal length, which run side by side."""
        return by_length(self.arrays)

    def side_by_side(self) -> list[tuple[list[int], np.ndarray]]:
        """The groups, each with its sequences as one array (batch, time, features), real numbers of any type."""
        if self.whole_array is not None:
            return [(list(range(len(self.arrays))), self.whole_array)]
        return [(group, np.stack([self.arrays[i] for i in group])) for group in self.groups()]


def as_array(x: object, name: str = "", expected: str = "") -> np.ndarray:
    """`x` as a NumPy array; a tensor is detached and brought to the CPU.

    Raises `InputError` that speaks of it by `name`, and tells the shape `expected`, where it is none.
    """
    no_array = f"{name} is not an array" if name else "not an array"
    if isinstance(x, type):
        raise InputError(f"{no_array}, but a class", numbers=f"given {x.__name__}", advice=NUMBERS)
    if _holds_pairs(x):
        raise InputError(f"{no_array}, but pairs", numbers=f"given {shown(x)}", advice=_gathered(x))
    detach = getattr(x, "detach", None)
    try:
        if detach is None:
            array = np.asarray(x)
        else:
            tensor = detach().cpu()
            array = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise InputError(f"{no_array}: {error}", numbers=f"given {shown(x)}", advice=NUMBERS) from error
    if array.dtype == object and array.ndim == 0:
        wanted = f", expected {expected}" if expected else ""
        raise InputError(no_array, numbers=f"given {shown(x)}{wanted}", advice=_gathered(x))
    return array


NUMBERS = "Give numbers, such as a float32 array or tensor."
MISSING = (
    "Remove NaN and infinity first. A model that handles NaN is compiled with a channel that says where a value is "
    "missing, `compile(Missing(model), with_masks(x))` of ltc2neuro.nn, and its network takes with_masks(x)."
)


@runtime_checkable
class _Indexed(Protocol):
    """What has items by their numbers, as a torch `Dataset` does."""

    def __getitem__(self, index: int, /) -> object: ...


def first_item(x: object) -> object:
    """That of a data set, as torch's `Dataset` is one; None for arrays, lists, dicts and what has no items."""
    if isinstance(x, (list, tuple, str, Mapping)) or hasattr(x, "__array__") or not isinstance(x, _Indexed):
        return None
    try:
        return x[0]
    except (TypeError, KeyError, IndexError, NotImplementedError):
        return None


def _holds_pairs(x: object) -> bool:
    """Whether it is a data set of tuples, such as (sequence, target), that NumPy would take for an axis more."""
    return isinstance(first_item(x), (list, tuple))


def _gathered(x: object) -> str:
    """How to make an array of what holds or makes batches or samples."""
    data = getattr(x, "dataset", None)
    if data is None and not hasattr(x, "__iter__") and not (hasattr(x, "__getitem__") and hasattr(x, "__len__")):
        return NUMBERS
    held = x if data is None else data
    whole = "[x for x, *_ in data]" if _holds_pairs(held) else "list(data)"
    if data is None and not hasattr(x, "__getitem__"):
        return f"Gather what it makes: numpy.concatenate({whole}), where data makes batches."
    join = "torch.stack" if data is None else "torch.cat"
    return (
        f"Gather what it holds: {join}({whole}), where data is your {type(x).__name__}. Sequences of different lengths "
        "are a list of (time, features)."
    )


def check_numbers(array: np.ndarray, what: str, axes: Sequence[str] = ()) -> None:
    """Raise `InputError` unless `array` holds real, finite numbers; `axes` are what its first axes count,
    before those of features."""
    check_real_type(array, what)
    finite = np.isfinite(array)
    if not np.all(finite):
        first = tuple(int(i) for i in np.argwhere(~finite)[0])
        each, rest = [f"{axis} {i}" for axis, i in zip(axes, first, strict=False)], first[len(axes) :]
        named = "feature" if axes else "index"
        places = [*each, *([f"{named} {rest[0] if len(rest) == 1 else rest}"] if rest else [])]
        at = f", at {', '.join(places)} (from 0)" if places else ""
        raise InputError(
            f"{what} holds values that are not finite",
            numbers=f"{np.sum(~finite):,} of {array.size:,}, the first, {array[first]}{at}",
            advice=MISSING if axes and np.any(np.isnan(array)) else "Remove NaN and infinity first.",
        )


def check_real_type(array: np.ndarray, what: str) -> None:
    """Raise `InputError` unless `array` holds real numbers or truth values."""
    real = np.issubdtype(array.dtype, np.number) and not np.issubdtype(array.dtype, np.complexfloating)
    if not real and array.dtype != np.bool_:
        raise InputError(f"{what} holds {array.dtype}, not real numbers", advice=NUMBERS)


def with_timespans(x: Sequences, timespans: Samples | None, shortest: float | None) -> Sequences:
    """`x` with the time before each sample as one more, last channel, where there is a `shortest` one.

    `timespans` is (batch, time), or (time, batch) where arrays lie so, or a list of (time,) beside a list of sequences.
    Raises `InputError` where it is missing, not wanted, of another shape than `x`, below 0, or 0 where `shortest` is
    not. Those below `shortest` are taken for that one: a run tells.
    """
    if shortest is None:
        if timespans is None:
            return x
        raise InputError(
            "this network was compiled for samples at a constant interval",
            where="timespans",
            advice="Compile it with timespans=, or leave them out.",
        )
    if timespans is None:
        raise InputError("this network needs the time before each sample", advice="Give timespans=, (batch, time).")
    if not isinstance(timespans, (list, tuple)) and as_array(timespans).ndim == 0:
        raise InputError("timespans is a single number", advice="A constant interval is compile(model, x, dt=...).")
    if isinstance(timespans, (list, tuple)) and x.ragged:
        times = [as_array(t) for t in timespans]
    else:
        whole = as_array(timespans)
        times = x.layout.rows(whole) if whole.ndim > 1 else [whole]
    if [s.shape for s in times] != [(len(a),) for a in x.arrays]:
        raise InputError(
            "timespans do not fit the samples",
            numbers=f"{len(times)} sequences, the first {times[0].shape if times else ()}, for {len(x.arrays)} of x",
            advice=f"Give {'(time, batch)' if x.layout.time_first else '(batch, time)'}, or a list of (time,) for a "
            "list of sequences.",
        )
    for span in times:
        check_numbers(span, "timespans")
        if np.any(span < 0):
            raise InputError("a time span is below 0", numbers=f"the smallest is {span.min():.6g}")
        if shortest > 0 and np.any(span == 0):
            raise InputError(
                "a time span is 0, and the model divides by it, or has no bound there",
                numbers=f"{int(np.sum(span == 0))} of {span.size} are 0; this network goes down to {shortest:.6g}",
                advice="Give samples of the same moment a small time span, or merge them into one. A CfC in mode "
                "pure takes a time span of 0 if the calibration has one.",
            )
    joined = (np.concatenate([a, s[:, None]], axis=1) for a, s in zip(x.arrays, times, strict=True))
    return replace(x, arrays=tuple(joined))


def check_last(array: np.ndarray, shape: tuple[int, ...], what: str) -> None:
    """Raise `InputError` unless `array` is (..., *shape): a single element would be repeated."""
    if array.ndim < len(shape) or array.shape[array.ndim - len(shape) :] != shape:
        expected = ", ".join(map(str, ("...", *shape)))
        raise InputError(f"{what} has the wrong shape", numbers=f"shape {array.shape}, expected ({expected})")


def as_sequences(
    x: Samples,
    sample_shape: tuple[int, ...] | None,
    what: str = "x",
    layout: Layout = BATCH_FIRST,
    *,
    tokens: bool = False,
) -> Sequences:
    """`x` as sequences of samples of that shape, which are flat inside; None: of any shape, all of the same.

    `x` is (batch, time, *sample_shape), or as `layout` says, or a list of (time, *sample_shape). Raises `InputError`
    that gives the shape expected, for wrong ranks, wrong features and values that are not finite. Samples that may be
    `tokens` need no axis of their own where their shape is open; if that is known they must be of an integer type.
    """
    axes = (() if tokens else ("features",)) if sample_shape is None else sample_shape
    least = 1 + len(axes)
    fits = (lambda array: array.ndim >= least) if sample_shape is None else (lambda array: array.ndim == least)
    listed = x if isinstance(x, (list, tuple)) and (not x or fits(as_array(x[0]))) else None
    expected = layout.shape(*axes)
    if listed is not None:
        together = [as_array(s) for s in listed]
        lead = 1
        expected = expected.replace("batch, ", "")
    else:
        whole = as_array(x, what, expected)
        if whole.ndim <= least if sample_shape is None else whole.ndim != 1 + least:
            raise InputError(
                f"{what} has {whole.ndim} dimensions",
                numbers=f"shape {whole.shape}, expected {expected}",
                advice=f"Give a batch of sequences, or a list of {expected.replace('batch, ', '')} sequences; "
                f"{'x[:, None]' if layout.time_first else 'x[None]'} is a batch of one.",
            )
        layout.batch_first(whole)  # where nobody has said how it lies, that comes first
        together, lead = [whole], 2
    differ = sorted({a.shape[lead:] for a in together})
    if sample_shape is None and differ[1:]:
        raise InputError(f"{what} sequences differ in their features", numbers=f"{differ}")
    found = differ[0] if sample_shape is None and differ else sample_shape
    for array in together:
        if array.shape[lead:] != found:
            raise InputError(f"{what} has the wrong shape", numbers=f"shape {array.shape}, expected {expected}")
    time_first = ("sample", "sequence") if layout.time_first else ("sequence", "sample")
    for n, array in enumerate(together):
        listed_as = (f"sequence {n} of {what}", ("sample",))
        check_numbers(array, *(listed_as if listed is not None else (what, time_first)))
    integral = [np.issubdtype(a.dtype, np.integer) for a in together]
    if tokens and not all(integral) and (sample_shape is not None or not found):
        raise not_whole(what, together[integral.index(False)].dtype)
    numbers, whole_tokens = [flat(a, found or ()) for a in together], tokens and all(integral)
    if listed is not None:
        return Sequences(tuple(np.asarray(a, np.float64) for a in numbers), True, layout, found, whole_tokens)
    array = layout.batch_first(numbers[0])
    sequences = Sequences(ArrayRows(array), False, layout, found, whole_tokens)
    object.__setattr__(sequences, "whole_array", array)
    return sequences


def as_targets(
    targets: ArrayOrTensor | Sequence[ArrayOrTensor], x: Sequences, layout: Layout, *, stepped: bool
) -> list[np.ndarray]:
    """What the model should answer to each sequence of `x`. An array (batch,) has one target a sequence, for functions
    that take such where the model answers at every step. Raises `InputError` where they are not as many."""
    if x.ragged and isinstance(targets, (list, tuple)):
        wanted = [as_array(t) for t in targets]
    else:
        whole = as_array(targets)
        each = x.ragged or whole.ndim == 1
        rows = whole if each and whole.ndim else []
        wanted = [as_array(t) for t in rows] if each or not whole.ndim else layout.targets(whole, stepped=stepped)
    if len(wanted) != len(x.arrays):
        raise InputError(
            "targets do not fit the samples",
            numbers=f"{len(wanted)} targets for {len(x.arrays)} sequences",
            advice="Give the samples that the targets belong to.",
        )
    for n, array in enumerate(wanted):
        check_numbers(array, f"the target of sequence {n}")
    return wanted
