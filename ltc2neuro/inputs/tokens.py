"""Tokens: samples of whole numbers, each of which selects a row of a table on the host, as `nn.Embedding` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_models.arrays import Floats
from hw_models.errors import InputError


@dataclass(frozen=True, eq=False)
class Table:
    """The `rows` (vocabulary, size) from which the tokens at these flat `places` of a sample select; its module's
    `name`."""

    name: str
    places: tuple[int, ...]
    rows: Floats

    @property
    def size(self) -> int:
        """How many features come of it."""
        return len(self.places) * self.rows.shape[1]


@dataclass(frozen=True, eq=False)
class Tokens:
    """How a sample of `count` channels becomes features: the rows that tokens select, table by table, then `numbers`.

    These are the channels that are no tokens, but features as they are.
    """

    count: int
    tables: tuple[Table, ...] = ()
    numbers: tuple[int, ...] = ()

    @property
    def features(self) -> int:
        """How many there are."""
        return self.selected + len(self.numbers)

    @property
    def selected(self) -> int:
        """How many of them tokens select."""
        return sum(table.size for table in self.tables)

    @property
    def vocabulary(self) -> npt.NDArray[np.int64]:
        """How many tokens there are at each place of a sample: those that all of its tables have; 1 at numbers."""
        return np.array(
            [min((len(t.rows) for t in self.tables if n in t.places), default=1) for n in range(self.count)]
        )

    def start(self, rows: Floats, place: int) -> int | None:
        """Which feature is the first that the token at `place` selects from a table of these `rows`; None: not one."""
        first = 0
        for table in self.tables:
            if place in table.places and np.array_equal(table.rows, rows):
                return first + table.places.index(place) * rows.shape[1]
            first += table.size
        return None

    def looked_up(self, x: Floats) -> Floats:
        """Samples (..., tokens) as features; the time before each, a channel more, stays their last.

        >>> words = Tokens(2, (Table("words", (0, 1), np.array([[0.0, 0.5], [1.0, 1.5]])),))
        >>> words.looked_up(np.array([1.0, 0.0])).tolist()
        [1.0, 1.5, 0.0, 0.5]
        """
        whole = x[..., : self.count].astype(np.int64)
        parts = [t.rows[whole[..., list(t.places)]].reshape(*x.shape[:-1], t.size) for t in self.tables]
        return np.concatenate([*parts, x[..., list(self.numbers)], x[..., self.count :]], axis=-1)

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """The smallest and the largest that each feature can be; NaN of numbers."""
        unknown = np.full(len(self.numbers), np.nan)
        low, high = (
            np.concatenate([*(np.tile(end(t.rows, axis=0), len(t.places)) for t in self.tables), unknown])
            for end in (np.min, np.max)
        )
        return low, high

    def check(self, arrays: Sequence[Floats]) -> None:
        """Raise `InputError` unless sequences (time, tokens) hold whole numbers that the tables have rows for."""
        for table in self.tables:
            most = len(table.rows)
            for number, array in enumerate(arrays):
                tokens = array[:, list(table.places)]
                wrong = (tokens < 0) | (tokens >= most) | (tokens != np.floor(tokens))
                if wrong.any():
                    step, place = np.argwhere(wrong)[0]
                    raise InputError(
                        "a token is not in the vocabulary",
                        where=f"{table.name}; sequence {number}, step {step}",
                        numbers=f"{tokens[step, place]:g}, the vocabulary has {most}: 0 to {most - 1}",
                        advice="Map what is unknown to a token that the model was trained with.",
                    )


def not_whole(what: str, dtype: np.dtype) -> InputError:
    """The error for tokens that are of no integer type."""
    return InputError(
        f"{what} holds {dtype}, and this model takes tokens",
        advice="Give whole numbers in an integer type: .astype(np.int64), or tensor.long().",
    )
