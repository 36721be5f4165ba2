"""What `mkdocs` writes into the pages while it builds the site: the help of every command of the shell."""

from __future__ import annotations

import argparse
import os

COMMANDS = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page, with the commands in the place that is marked."""
    return markdown.replace(COMMANDS, helps()) if COMMANDS in markdown else markdown


def helps() -> str:
    """A section for each command."""
    os.environ["COLUMNS"] = "100"
    from ltc2neuro.cli.main import parser

    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return "\n\n".join(f"## {name}\n\n```text\n{one.format_help()}```" for name, one in commands.choices.items())
