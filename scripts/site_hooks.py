"""What `mkdocs` writes into pages while it builds the site: the help of every command, and every message."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from messages import Message, messages

OWN = ("GraphError", "AssemblyError", "ValueError", "TypeError", "AttributeError", "ImportError", "Ltc2NeuroError")
"""What only a bug of ours raises, and what never reaches a user as it is"""


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page, with what is made here in the places that are marked."""
    for mark, made in MADE.items():
        markdown = markdown.replace(mark, made()) if mark in markdown else markdown
    return markdown


def helps() -> str:
    """A section for each command of the shell."""
    os.environ["COLUMNS"] = "100"
    from ltc2neuro.cli.main import parser

    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return "\n\n".join(f"## {name}\n\n```text\n{one.format_help()}```" for name, one in commands.choices.items())


def listed() -> str:
    """A table for each kind of message."""
    kinds = groupby((m for m in messages() if m.kind not in OWN), key=lambda m: m.kind)
    return "\n\n".join(f"### {kind}\n\n| message | what to do |\n|---|---|\n{_rows(found)}" for kind, found in kinds)


def _rows(found: Iterable[Message]) -> str:
    return "\n".join(f"| {_cell(m.text)} | {_cell(m.advice)} |" for m in found)


def _cell(text: str) -> str:
    """Plain text in a cell: nothing in it is markup."""
    marks = {"|": "&#124;", "<": "&lt;", "*": "&#42;", "_": "&#95;", "`": "&#96;", "[": "&#91;", "\n": " "}
    return "".join(marks.get(letter, letter) for letter in text)


MADE: dict[str, Callable[[], str]] = {"<!-- commands -->": helps, "<!-- messages -->": listed}
