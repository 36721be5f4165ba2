"""How far long work is: a bar where someone watches, and the logger `ltc2neuro`, which is told each stage."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

LOG = logging.getLogger("ltc2neuro")
_wanted = True
_bar: ContextVar[tqdm[object] | None] = ContextVar("bar", default=None)


def progress(shown: bool = True) -> None:
    """Show a bar while long work lasts, in notebooks and on terminals, or with False none.

    Without a call bars are shown there, and never where standard error goes to a file or another program. What is
    done is told at level INFO to the logger "ltc2neuro" either way. Raises `InputError` for what is neither.
    """
    from hw_models.arguments import check_flag  # brings NumPy, and `import ltc2neuro` stays light

    global _wanted
    _wanted = check_flag(shown, "shown")


def begin(what: str) -> None:
    """Say that a stage of the work begins."""
    LOG.info(what)
    bar = _bar.get()
    if bar is not None:
        bar.set_postfix_str(what, refresh=False)
        bar.update()
        bar.refresh()


@contextmanager
def shown_stages(work: str, most: int | None = None) -> Iterator[None]:
    """Show the stages that begin inside, `most` of them, as a bar; those of work inside other work belong to it."""
    if _bar.get() is not None or not watched():
        yield
        return
    form = "{n}" if most is None else "{n}/{total} |{bar}|"
    with _tqdm()(total=most, desc=work, leave=False, bar_format=f"{{desc}}: {form} {{elapsed}}{{postfix}}") as shown:
        token = _bar.set(shown)
        try:
            yield
        finally:
            _bar.reset(token)


def sequences(total: int | None, *, wanted: bool = True) -> tqdm[object]:
    """A bar that counts sequences up to `total`, where it is `wanted` and someone watches."""
    made = partial(_tqdm(), total=total, unit="sequence", leave=False)
    return made() if wanted and watched() else made(disable=True)


def _tqdm() -> Callable[..., tqdm[object]]:
    """The kind of bar that fits: in notebooks a widget, or text where these have none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        from tqdm.auto import tqdm
    return tqdm


def watched() -> bool:
    """Whether standard error is a terminal or a notebook, and bars are wanted."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return _wanted and (sys.stderr.isatty() or (shell is not None and "IPKernelApp" in shell.config))
