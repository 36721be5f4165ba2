"""List the chips known here, or explain one: every number, its unit and meaning, its source, and how sure it is:
measured (on the chip), documented (in the maker's text or code), secondary (texts of others), inferred (concluded)."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from ltc2neuro.cli.output import HELD, say

if TYPE_CHECKING:
    from hw_models.chip import Chip

NAME = "chips"
HELP = "list the chips, or explain what is known about one"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("chip", nargs="?", help="a chip's name or a .toml file (default: list them all)")


def add_target(parser: argparse.ArgumentParser, default: str | None) -> None:
    """The options of other commands that choose a chip."""
    shown = default or "the one that the network was compiled for"
    parser.add_argument("--chip", default=default, help=f"a chip's name or a .toml file (default: {shown})")
    parser.add_argument(
        "--board", metavar="NAME", help="one of the chip's boards, with all its chips: see ltc2neuro chips"
    )
    parser.add_argument(
        "--chips", type=int, metavar="N", help="how many chips are used together (default: one, or all)"
    )


def target(options: argparse.Namespace, own: Chip | None = None) -> Chip:
    """The chip that the options choose; `own` is a network's."""
    from hw_models.chip import load_chip

    return load_chip(options.chip or own or "loihi2", board=options.board, chips=options.chips)


def run(options: argparse.Namespace) -> int:
    """Print the list, or all that one chip's file says."""
    from hw_models.chip import chip_names, load_chip
    from hw_models.explain import entries, explain

    if options.chip:
        chip = load_chip(options.chip)
        say(
            options,
            explain(chip),
            {"name": chip.name, "title": chip.title, "entries": [asdict(e) for e in entries(chip)]},
        )
        return HELD
    chips = [load_chip(name) for name in chip_names()]
    width = max(len(chip.name) for chip in chips)
    lines = [f"{chip.name:{width}}  {chip.title}{_note(chip)}" for chip in chips]
    data = [{"name": c.name, "title": c.title, "boards": c.boards, "refuses": bool(c.refuses)} for c in chips]
    say(options, "\n".join([*lines, "", "ltc2neuro chips NAME explains one."]), {"chips": data})
    return HELD


def _note(chip: Chip) -> str:
    if chip.refuses:
        return "; refuses liquid networks"
    boards = ", ".join(f"{name} ({count})" for name, count in chip.boards.items())
    return f"; boards (chips): {boards}" if boards else ""
