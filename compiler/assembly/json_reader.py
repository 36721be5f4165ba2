"""Typed access to JSON: what is not as expected is refused with its path."""

from __future__ import annotations

from typing import TypeGuard

from hw_models.errors import AssemblyError
from hw_models.json_dataclasses import Json


def is_integer(value: Json) -> TypeGuard[int]:
    """Whether it is an integer that fits 64 bits, as the widest words do."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


class JsonObject:
    """A JSON object, and the path to it."""

    def __init__(self, data: Json, path: str = "") -> None:
        self._path = path
        if not isinstance(data, dict):
            raise AssemblyError("the JSON is wrong", where=path or "the whole", numbers="expected an object")
        self._data = data

    def error(self, key: str, expected: str) -> AssemblyError:
        """What is wrong with the value at `key`."""
        shown = repr(self._data[key]) if key in self._data else "nothing"
        shown = shown if len(shown) < 80 else shown[:77] + "..."
        return AssemblyError(
            "the JSON is wrong", where=f"{self._path}.{key}".lstrip("."), numbers=f"expected {expected}; found {shown}"
        )

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._data

    def is_list(self, key: str) -> bool:
        """Whether a list is there."""
        return isinstance(self._data.get(key), list)

    def text(self, key: str) -> str:
        """A string."""
        value = self._data.get(key)
        if not isinstance(value, str):
            raise self.error(key, "a string")
        return value

    def maybe_text(self, key: str) -> str | None:
        """A string, or null, which must be there."""
        return None if self._data.get(key, "") is None else self.text(key)

    def integer(self, key: str) -> int:
        """An integer."""
        value = self._data.get(key)
        if not is_integer(value):
            raise self.error(key, "an integer of 64 bits")
        return value

    def count(self, key: str) -> int:
        """An integer of at least 0."""
        value = self._data.get(key)
        if not is_integer(value) or value < 0:
            raise self.error(key, "an integer, at least 0, of 64 bits")
        return value

    def integers(self, key: str) -> list[int]:
        """A list of integers."""
        value = self._data.get(key)
        numbers = [n for n in value if is_integer(n)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(numbers) < len(value):
            raise self.error(key, "a list of integers of 64 bits")
        return numbers

    def texts(self, key: str) -> dict[str, str]:
        """An object of strings."""
        value = self._data.get(key)
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise self.error(key, "an object of strings")
        return {k: str(v) for k, v in value.items()}

    def table(self, key: str) -> JsonObject:
        """An object."""
        if not isinstance(self._data.get(key), dict):
            raise self.error(key, "an object")
        return JsonObject(self._data[key], f"{self._path}.{key}".lstrip("."))

    def tables(self, key: str) -> list[JsonObject]:
        """A list of objects."""
        value = self._data.get(key)
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self.error(key, "a list of objects")
        return [JsonObject(v, f"{self._path}.{key}[{n}]".lstrip(".")) for n, v in enumerate(value)]
