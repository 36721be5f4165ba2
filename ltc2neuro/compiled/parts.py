"""The parts of a compiled network, made when they are first needed."""

from __future__ import annotations

from functools import cached_property

from compiler.placement.placement import Placement
from compiler.running.prepared import Prepared
from ltc2neuro.compiled.host import Host
from ltc2neuro.compiled.names import Names
from ltc2neuro.compiled.placing import placed
from ltc2neuro.compiled.record import Record


class Parts:
    """A record, the host's side of it, its names, and what has been prepared to run it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.host = Host(record)

    @cached_property
    def names(self) -> Names:
        """What its values are called."""
        return Names(self.host)

    @cached_property
    def prepared(self) -> Prepared:
        """Mappings and runners."""
        return Prepared(self.record.graph, self.record.chip)

    @cached_property
    def placement(self) -> Placement:
        """Its neurons on the cores of its chip. Raises `ChipError` where they do not fit."""
        return placed(self.prepared, self.record.chip)
