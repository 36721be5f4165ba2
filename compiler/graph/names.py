"""Names: fresh ones, besides those that are taken, and names in the user's words.

Each stage has its own way to tell a name from another one: `_2` follows names that come from the model, `#2`
those that rewrites make of them, and a prime those of integers and of the chip's words.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import count

CLIPPED = ".clipped"
SAME = ("clipped", "next", "rows", "scaled", "weighted")
"""How stages end what they name after a value, and what is that value still"""
FORMS = (*SAME, "carried", "centred", "gate", "kept", "product")
"""The same, with what is another value, and not told from it where the whole network is shown"""
OF_A_STEP: Mapping[str, str] = {
    **{"part": "part of", "gap": "difference in", "drain": "leak of", "drained": "leak of", "leaked": "leak of"},
    **{"moved": "step of", "step": "step of", "steps": "steps of"},
}
"""How rewrites end what they name after a value or state that changes in steps, and what such a part is in words"""


def ending(words: Iterable[str]) -> re.Pattern[str]:
    """Finds these, and the numbers of pieces and rewrites, at the end of a name."""
    return re.compile(rf"(?:\.(?:{'|'.join(words)})|@-?\d+|#\d+)+$")


_SAME = ending(SAME)
_REWRITTEN = re.compile(r"#\d+$")


def plain_name(name: str) -> str:
    """The name of the value that a value of the compiler's own was made of.

    >>> plain_name("rnn.w_activation.scaled"), plain_name("head.linear.rows@14"), plain_name("rnn.v.next")
    ('rnn.w_activation', 'head.linear', 'rnn.v')
    """
    return _SAME.sub("", name) or name


def fresh(candidates: Iterable[str], *taken: Container[str]) -> str:
    """The first of the candidates that nothing has yet.

    >>> fresh(numbered("add"), {"add", "add_2"}), fresh(primed("v"), {"v"}, {"v'"})
    ('add_3', "v''")
    """
    return next(name for name in candidates if not any(name in names for names in taken))


def numbered(name: str, mark: str = "_", first: int = 2) -> Iterator[str]:
    """The name, then 2, or another `first` number, 3, and so on after it: of what comes from the model."""
    yield name
    yield from (f"{name}{mark}{number}" for number in count(first))


def rewritten(name: str) -> Iterator[str]:
    """The name that a rewrite gives what it makes of `name`, which may have been rewritten before.

    >>> fresh(rewritten("w#2"), {"w", "w#2"})
    'w#3'
    """
    return numbered(unrewritten(name), "#")


def unrewritten(name: str) -> str:
    """The name without the number of a rewrite."""
    return _REWRITTEN.sub("", name)


def primed(name: str, mark: str = "'") -> Iterator[str]:
    """The name, then one prime, two, and so on after it: of integers, and of the chip's words."""
    while True:
        yield name
        name += mark


def unique(names: Iterable[str], taken: Iterable[str] = (), mark: str = "_") -> list[str]:
    """The names, with a number after those that are taken, or that came before.

    >>> unique(["add", "add", "mul"], {"mul"})
    ['add', 'add_2', 'mul_2']
    """
    result: dict[str, None] = {}
    known = set(taken)
    for name in names:
        result[fresh(numbered(name, mark), known, result)] = None
    return [*result]
