"""Names in the user's words: what passes have put behind the name of a value goes."""

from __future__ import annotations

import re

_MADE = re.compile(r"(?:\.(?:clipped|next|rows|scaled|weighted)|@-?\d+|#\d+)+$")


def plain_name(name: str) -> str:
    """The name of the value that a value of the compiler's own was made of.

    >>> plain_name("rnn.w_activation.scaled"), plain_name("head.linear.rows@14"), plain_name("rnn.v.next")
    ('rnn.w_activation', 'head.linear', 'rnn.v')
    """
    return _MADE.sub("", name) or name
