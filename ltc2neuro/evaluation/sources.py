"""Data of any kind as batches: arrays a slice at a time, folders a file at a time, and whatever makes batches itself.

Nothing is read before it is needed, nor kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from os.path import isdir
from pathlib import Path
from typing import TypeAlias, cast

from hw_models.arguments import shown
from hw_models.errors import InputError
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.runs import AnyParts
from ltc2neuro.evaluation.batches import TARGETS, Batch, X, are_batches, batch_of
from ltc2neuro.evaluation.slices import sliced
from ltc2neuro.inputs.arrays import Samples, first_item
from ltc2neuro.inputs.batches import is_stream
from ltc2neuro.inputs.files import contents_of, read_arrays
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.verification.task_metric import Targets

Data: TypeAlias = "str | Path | Inlet | Iterable[object]"
FOLDER = (
    f"Each file of a folder has {X!r}, (batch, time, features) or one sequence (time, features), and where there is a "
    f"metric {TARGETS!r}."
)


@dataclass(frozen=True)
class DataSource:
    """All batches, and how many sequences there are, where that is known."""

    batches: Iterator[Batch]
    count: int | None


def source_of(parts: AnyParts, data: Data, targets: object, timespans: object, *, wanted: bool) -> DataSource:
    """The batches of what `evaluate` takes, with targets where they are `wanted`. Raises `InputError`."""
    record = parts.record
    if isinstance(data, (str, Path)):
        path = Path(data)
        if isdir(data):
            files = sorted(path.glob("*.npz"))
            if not files:
                raise InputError("there is no .npz file in this folder", where=str(path), advice=FOLDER)
            return DataSource(_files(record, files, targets, timespans, wanted=wanted), None)
        found = read_arrays(path, mapped=True)
        if isinstance(found, dict) and X in found:
            return DataSource(_files(record, [path], targets, timespans, wanted=wanted), None)
        data = contents_of(found, record.inputs and record.inputs.order)
    elif is_stream(data) or (isinstance(data, list) and are_batches(record, data)):
        return DataSource(_streamed(record, data, targets, timespans, wanted=wanted), None)
    elif record.inputs is not None and isinstance(data, list):
        data = tuple(data)
    elif isinstance(first_item(data), (list, tuple, Mapping)):
        raise InputError(
            "a data set that holds samples one by one makes no batches",
            numbers=f"given a {type(data).__name__}",
            advice="Give torch.utils.data.DataLoader(data, batch_size=128), or iter(data) where its items are batches.",
        )
    if wanted and targets is None:
        raise InputError("the metric needs targets", advice="Give targets=, what the model should answer.")
    if targets is not None and not wanted:
        raise InputError("targets need a metric", advice="Give metric=, or leave them out.")
    return DataSource(
        *sliced(
            parts,
            cast("Inlet", data),
            cast("Targets | None", _opened(targets, record.answers.names)),
            cast("Samples | None", _opened(timespans, None)),
        )
    )


def _opened(given: object, names: Collection[str] | None) -> object:
    """What is in a file, where a path is given."""
    return contents_of(read_arrays(given, mapped=True), names) if isinstance(given, (str, Path)) else given


def _files(
    record: BaseRecord, files: list[Path], targets: object, timespans: object, *, wanted: bool
) -> Iterator[Batch]:
    """A batch of each file; `targets` may name the array that has them."""
    if timespans is not None or not (targets is None or isinstance(targets, str)):
        raise InputError(
            f"{'targets' if timespans is None else 'timespans'} of such files are in them, with the samples",
            where=str(files[0].parent),
            advice="targets= may be the name of the array; time spans are called 'timespans'.",
        )
    name = (targets or TARGETS) if wanted else None
    return (batch_of(record, read_arrays(file), str(file), name) for file in files)


def _streamed(
    record: BaseRecord, data: Iterable[object], targets: object, timespans: object, *, wanted: bool
) -> Iterator[Batch]:
    """Batches as they come; `targets` may come in batches of their own."""
    if timespans is not None:
        raise InputError(
            "time spans of batches come with them", where="timespans", advice="Give dicts with x and timespans."
        )
    if isinstance(targets, str) or targets is None:
        name = (targets or TARGETS) if wanted else None
        return (batch_of(record, one, f"batch {number}", name) for number, one in enumerate(data))
    if not is_stream(targets) and not isinstance(targets, list):
        raise InputError(
            "samples come in batches, targets do not",
            where="targets",
            numbers=f"targets = {shown(targets)}",
            advice="Give batches (x, targets), or as many batches of targets.",
        )
    return _paired(record, data, targets)


def _paired(record: BaseRecord, data: Iterable[object], targets: Iterable[object]) -> Iterator[Batch]:
    end = object()
    for number, (one, own) in enumerate(zip_longest(data, targets, fillvalue=end)):
        if one is end or own is end:
            raise InputError(
                f"there are more batches of {'samples' if own is end else 'targets'} than of the other",
                numbers=f"{number} of both",
                advice="Give as many of each.",
            )
        yield batch_of(record, (one, own), f"batch {number}", TARGETS)
