"""How an object looks as the last line of a cell: one screen of its text, in a notebook the same as HTML."""

from __future__ import annotations

from html import escape

MOST_LINES, MOST_COLUMNS = 40, 200


def one_screen(text: str) -> str:
    """The text, cut where it is more than a screen.

    >>> one_screen("first\\nsecond")
    'first\\nsecond'
    >>> one_screen("x\\n" * 100).splitlines()[-1]
    '... 61 more lines: print it'
    """
    lines = [line if len(line) <= MOST_COLUMNS else f"{line[: MOST_COLUMNS - 3]}..." for line in text.split("\n")]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"... {len(lines) - MOST_LINES} more lines: print it"]
    return "\n".join(lines)


class Shown:
    """Whose `repr` is one screen of what `print` shows."""

    def __repr__(self) -> str:
        return one_screen(str(self))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f'<pre style="line-height: 1.3; overflow-x: auto">{escape(one_screen(str(self)))}</pre>'
