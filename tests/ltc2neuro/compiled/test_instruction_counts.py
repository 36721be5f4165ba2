"""docs/instruction-set.md says how many instructions programs execute: counted here, on compiled networks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import ltc2neuro
from compiler.assembly import Population, code_instructions, executed_instructions
from hw_models import isa

PAGE = Path(__file__).parents[3] / "docs" / "instruction-set.md"
CLOSE = 4
"""Ranges from calibration decide some clips, and differ a little between versions of torch."""


def row(name: str, population: Population, ticks: int) -> str:
    """A row of the page's table."""
    executed = executed_instructions(population.listing, ticks)
    places = {p for i in population.listing for p in (isa.target(i), *i.sources) if isinstance(p, isa.Register)}
    registers = len({p.name for p in places})
    numbers = (max(executed), min(executed), code_instructions(population.listing), len(population.words), registers)
    return f"| {name} | {' | '.join(map(str, numbers))} |"


def rows() -> list[str]:
    """The populations with states, and the largest of those that only feed them."""
    import torch
    from ncps.torch import LTC, CfC
    from ncps.wirings import AutoNCP

    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(4, 12, 8)).astype(np.float32)
    found = []
    for layer, feeding, model in (("LTC", "synapse", LTC(8, AutoNCP(19, 1))), ("CfC", "backbone", CfC(8, 19))):
        network = ltc2neuro.compile(model, x).mapped()
        (cell,) = (p for p in network.populations if p.states)
        feeds = max((p for p in network.populations if not p.states), key=lambda p: p.size)
        found.append(row(f"{feeding} neuron of the {layer}", feeds, network.ticks_per_sample))
        found.append(row(f"{layer} neuron", cell, network.ticks_per_sample))
    return found


def test_the_page_says_what_is_executed():
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("| program |") :].split("\n\n")[0].split("\n")[2:]
    expected = rows()
    say = "the table must be\n" + "\n".join(expected)
    assert [kept.split("|")[1] for kept in table] == [counted.split("|")[1] for counted in expected], say
    numbers = [[list(map(int, re.findall(r"\d+", line))) for line in lines] for lines in (table, expected)]
    assert np.abs(np.subtract(*numbers)).max() <= CLOSE, say
