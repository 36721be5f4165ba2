"""Instruction selection: each integer op has one fixed template; each population's program as a listing."""

from compiler.assembly.counts import code_instructions, executed_instructions
from compiler.assembly.dispatch import Reset, Section, assemble
from compiler.assembly.templates import Scratch, select
from compiler.assembly.text import listing_text

__all__ = [
    "Reset",
    "Scratch",
    "Section",
    "assemble",
    "code_instructions",
    "executed_instructions",
    "listing_text",
    "select",
]
