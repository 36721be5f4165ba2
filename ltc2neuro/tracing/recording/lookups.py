"""What a recorder knows of an input of tokens: the tables in which they are looked up, whose rows the graph takes."""

from __future__ import annotations

from dataclasses import dataclass

from ltc2neuro.inputs.tokens import Tokens

TOKENS = "tokens"
"""The value that symbolic tokens stand for; the graph has none of that name, as nothing but a table takes them"""


@dataclass(frozen=True)
class Lookups:
    """The tokens of the input, and the graph's `value` that holds the rows which they select."""

    tokens: Tokens
    value: str
    vocabulary: int
    """how many tokens the longest of the model's tables has"""
