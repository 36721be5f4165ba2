"""Reads a chip's TOML file, key by key, and refuses what it should not have: file, key and expectation."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from hw_models.bands import Band
from hw_models.constants import MEASURES, SURE, Citation, Fact, Meaning, Refusal, problem
from hw_models.errors import ChipError
from hw_models.json_dataclasses import made

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the standard library has it from 3.11 on
    import tomli as tomllib

TomlTable = dict[str, object]
Section = TypeVar("Section", bound="DataclassInstance")

SECTIONS = ("memory", "timing", "energy", "boards", "facts", "refuses")
BAND = ("low", "default", "high")
ADVICE = "See hw_models/chips/loihi2.toml for a whole file."


@dataclass
class Entries:
    """The tables of a file. An entry is a table with `value`, or with `low`, `default` and `high`; `source`; `sure`."""

    path: Path
    data: TomlTable
    sources: dict[str, Citation] = field(default_factory=dict)
    """key -> source, of all entries that were taken so far"""
    _known: set[str] = field(default_factory=lambda: set(SECTIONS))

    @classmethod
    def of_file(cls, path: Path) -> Entries:
        """Those of the file at `path`."""
        try:
            return cls(path, tomllib.loads(path.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ChipError(f"not a TOML file: {error}", where=str(path)) from error
        except OSError as error:
            raise ChipError(f"cannot read the chip's file: {error.strerror}", where=str(path)) from error

    def numbers(self, cls: type) -> TomlTable:
        """The fields of `cls` that stand at the top of the file: text as it is, numbers as entries."""
        found: TomlTable = {}
        for f in fields(cls):
            limits, kind = f.metadata.get("meaning"), str(f.type).removesuffix(" | None")
            if kind == "str":
                found[f.name] = self._text(self.data, f.name, "")
            elif limits is not None and f.name != "chips":  # those the user chooses
                if f.name in self.data or kind == str(f.type):
                    found[f.name] = self._entry(self.data, f.name, kind, limits, "")
            else:
                continue
            self._known.add(f.name)
        return found

    def section(self, name: str, cls: type[Section]) -> Section | None:
        """A section with an entry for every field of `cls`; None where the file does not have it."""
        if name not in self.data:
            return None
        table = self._table(self.data, name, "")
        values = {
            f.name: self._entry(table, f.name, str(f.type), f.metadata["meaning"], f"{name}.") for f in fields(cls)
        }
        self._no_others(table, values, f"{name}.")
        return cls(**values)

    def boards(self) -> TomlTable:
        """How many chips each board has."""
        table = self._table(self.data, "boards", "") if "boards" in self.data else {}
        chips = Meaning("chips", "", 1, 2**20)
        return {name: self._entry(table, name, "int", chips, "boards.") for name in table}

    def facts(self) -> tuple[Fact, ...]:
        """What is only stated."""
        found = []
        for key, table in self._tables("facts"):
            where = f"facts.{key}."
            value, unit = self._float(table, "value", where), self._text(table, "unit", where, empty=True)
            found.append(Fact(key, value, unit, self._text(table, "text", where), self._source(table, f"facts.{key}")))
            self._no_others(table, ("value", "unit", "text", "source", "sure"), where)
        return tuple(found)

    def refusals(self) -> tuple[Refusal, ...]:
        """Why the chip refuses liquid networks."""
        found = []
        for key, table in self._tables("refuses"):
            where = f"refuses.{key}."
            measure, limit = "", None
            if "measure" in table:
                measure = self._text(table, "measure", where)
                if measure not in MEASURES:
                    self._wrong(f"measure must be one of {', '.join(MEASURES)}, not {measure!r}", where + "measure")
            if "limit" in table:
                limit = self._checked(table["limit"], "int", "limit", Meaning("", "", 0, 2**40), where + "limit")
                if not measure:
                    self._wrong("a limit needs the measure that it limits", where + "limit")
            values = {"key": key, "reason": self._text(table, "reason", where), "measure": measure, "limit": limit}
            found.append(made(Refusal, {**values, "source": self._source(table, f"refuses.{key}")}))
            self._no_others(table, ("reason", "measure", "limit", "source", "sure"), where)
        return tuple(found)

    def end(self) -> None:
        """Refuse keys that no one knows."""
        self._no_others(self.data, self._known, "")

    # --- one entry ----------------------------------------------------------------------------------------

    def _entry(self, table: TomlTable, name: str, kind: str, limits: Meaning, prefix: str) -> object:
        key = prefix + name
        if name not in table:
            self._wrong(f"{name} is missing: {limits.text or 'a number'}", key)
        entry = table[name]
        if not isinstance(entry, dict):
            self._wrong(f"{name} must be a table with value, source and sure, not {entry!r}", key)
        if kind == "Band":
            value = self._band(entry, key)
            self._no_others(entry, (*BAND, "source", "sure"), f"{key}.")
        else:
            if "value" not in entry:
                self._wrong(f"value of {name} is missing", key)
            value = entry["value"]
            self._no_others(entry, ("value", "source", "sure"), f"{key}.")
        self.sources[key] = self._source(entry, key)
        return self._checked(value, kind, name, limits, key)

    def _checked(self, value: object, kind: str, name: str, limits: Meaning, key: str) -> object:
        found = problem(value, kind, name, limits)
        if found:
            self._wrong(found, key)
        return value

    def _band(self, entry: TomlTable, key: str) -> Band:
        low, default, high = (self._float(entry, name, f"{key}.") for name in BAND)
        if not 0 <= low <= default <= high:
            self._wrong(f"low, default and high must rise from 0 on, not {low:g}, {default:g}, {high:g}", key)
        return Band(low, default, high)

    def _float(self, table: TomlTable, name: str, prefix: str) -> float:
        value = table.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
            self._wrong(f"{name} must be a number, not {value!r}", prefix + name)
        return value

    def _text(self, table: TomlTable, name: str, prefix: str, empty: bool = False) -> str:
        value = table.get(name)
        if not isinstance(value, str) or not (value.strip() or empty):
            self._wrong(f"{name} must be a str{'' if empty else ' that is not empty'}, not {value!r}", prefix + name)
        return value

    def _source(self, entry: TomlTable, key: str) -> Citation:
        text, sure = self._text(entry, "source", f"{key}."), entry.get("sure")
        if sure not in SURE:
            self._wrong(f"sure must be one of {', '.join(SURE)}, not {sure!r}", f"{key}.sure")
        return Citation(text, str(sure))

    def _table(self, table: TomlTable, name: str, prefix: str) -> TomlTable:
        found = table[name]
        if not isinstance(found, dict):
            self._wrong(f"{name} must be a table, not {found!r}", prefix + name)
        return found

    def _tables(self, section: str) -> list[tuple[str, TomlTable]]:
        table = self._table(self.data, section, "") if section in self.data else {}
        return [(name, self._table(table, name, f"{section}.")) for name in table]

    def _no_others(self, table: TomlTable, known: Iterable[str], prefix: str) -> None:
        names = sorted(known)
        for name in table:
            if name not in names:
                close = get_close_matches(name, names, 1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
                self._wrong(f"{name} is not a key here: {hint}", prefix + name)

    def _wrong(self, what: str, key: str) -> NoReturn:
        raise ChipError(what, where=f"{self.path}, key {key}", advice=ADVICE)
