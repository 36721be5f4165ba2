"""What is asked of compiled networks alone, and what only of those with microcode."""

from __future__ import annotations

from hw_models.errors import InputError
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.runs import AnyParts


def compiled(net: object, what: str) -> BaseNetwork:
    """`net`, which `what` takes. Raises `InputError` where it is no network."""
    if isinstance(net, BaseNetwork):
        return net
    advice = "Give what ltc2neuro.compile or load returned."
    raise InputError(f"{what} takes a compiled network", numbers=f"got {type(net).__name__}", advice=advice)


def with_microcode(net: object, what: str, instead: str = "") -> Parts:
    """The parts of `net`, of which `what` needs programs. Raises `InputError` where it has none, or is no network."""
    return of_programs(compiled(net, what).parts, what, instead)


def of_programs(parts: AnyParts, what: str, instead: str = "") -> Parts:
    """The same, of a network's parts."""
    if isinstance(parts, Parts):
        return parts
    raise needs_microcode(what, instead=instead)


class NoMicrocodeError(InputError, AttributeError):
    """A network of library processes has no programs of its own; `hasattr` takes it for an answer."""


def needs_microcode(what: str, why: str = "", instead: str = "") -> NoMicrocodeError:
    """The error of a network of library processes where `what` needs neurons' programs; what to do `instead`."""
    numbers = "this network is made of Lava's library processes alone" + (f": {why}" if why else "")
    advice = f"Compile the model without microcode=False{instead and f', or {instead}'}."
    return NoMicrocodeError(f"{what} needs microcode", numbers=numbers, advice=advice)
