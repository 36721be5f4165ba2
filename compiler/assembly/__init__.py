"""Instruction selection: each integer op has one fixed template; each population's program as a listing."""

from compiler.assembly.dispatch import Reset, Section, assemble
from compiler.assembly.templates import Scratch, select
from compiler.assembly.text import code_instructions, executed_instructions, listing_text

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
