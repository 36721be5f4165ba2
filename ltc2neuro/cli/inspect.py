"""Show what is in a saved network."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

import ltc2neuro
from ltc2neuro.cli.output import HELD, say

if TYPE_CHECKING:
    from compiler.rewrite.runner import PassRecord

NAME = "inspect"
HELP = "show what is in a saved network"


def add(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("network", help="a .l2n file")
    parser.add_argument(
        "--passes", action="store_true", help="what each pass over the float graph did, those of quantize at the end"
    )
    parser.add_argument(
        "--assembly",
        action="store_true",
        help="what each neuron executes; with --json also words, connections and ticks",
    )
    parser.add_argument("--proof", action="store_true", help="what the network was compared with torch on")
    parser.add_argument("--precision", action="store_true", help="the format of each value, and why")


def run(options: argparse.Namespace) -> int:
    """Load and print the parts that are asked for, or the summary."""
    net = ltc2neuro.load(options.network)
    parts: dict[str, object] = {}
    texts: list[str] = []
    if options.passes:
        parts["passes"] = [asdict(record) for record in net.passes]
        texts.append("\n".join(map(_line, net.passes)) or "none, or an older ltc2neuro wrote the file")
    if options.proof:
        evidence = net.evidence
        parts["proof"] = None if evidence is None else evidence.plain()
        texts.append("not in the file: an older ltc2neuro wrote it" if evidence is None else str(evidence))
    if options.assembly:
        parts["assembly"] = net.assembly_json()
        texts.append(net.assembly())
    if options.precision:
        parts["precision"] = net.explain_precision()
        texts.append(net.explain_precision())
    if not parts:
        parts["summary"] = str(net)
        texts.append(str(net))
        if net.evidence is not None:
            parts["proof"] = net.evidence.plain()
            texts.append(str(net.evidence))
    say(options, "\n\n".join(texts), parts)
    return HELD


def _line(p: PassRecord) -> str:
    ops, elements = f"{p.ops_before} -> {p.ops_after}", f"{p.elements_before} -> {p.elements_after}"
    return f"{p.name:22} ops {ops:12} elements {elements:18} {p.note}"
