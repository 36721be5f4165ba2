"""From integer ops to what a neuron executes: templates, dispatch by ticks, registers and words; as text and tables."""

from compiler.assembly.counts import code_instructions, executed_instructions
from compiler.assembly.dispatch import Reset, TickSection, assemble
from compiler.assembly.finish import finish
from compiler.assembly.fused import fused, select_fused
from compiler.assembly.parser import parse, parse_listing
from compiler.assembly.peephole import shorten
from compiler.assembly.population import Population
from compiler.assembly.registers import allocate
from compiler.assembly.site import Scratch, Spot
from compiler.assembly.templates import select
from compiler.assembly.text import listing_text, populations_text

__all__ = [
    "Population",
    "Reset",
    "Scratch",
    "Spot",
    "TickSection",
    "allocate",
    "assemble",
    "code_instructions",
    "executed_instructions",
    "finish",
    "fused",
    "listing_text",
    "parse",
    "parse_listing",
    "populations_text",
    "select",
    "select_fused",
    "shorten",
]
