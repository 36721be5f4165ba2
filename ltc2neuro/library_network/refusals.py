"""What a network of library processes has not: to look at it is one error that says why, and what to do."""

from __future__ import annotations

from typing import NoReturn, overload

from ltc2neuro.compiled.microcode import needs_microcode


class NeedsMicrocode:
    """An attribute or method that only networks with microcode have."""

    def __init__(self, why: str = "") -> None:
        self._why, self._name = why, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, net: None, owner: type) -> NeedsMicrocode: ...

    @overload
    def __get__(self, net: object, owner: type) -> NoReturn: ...

    def __get__(self, net: object, owner: type) -> NeedsMicrocode:
        if net is None:
            return self
        raise needs_microcode(self._name, self._why)
