"""Whether `compiler` and `hw_models` are ours. A folder of that name beside a user's script would hide them.

Uses nothing of either, as they may be the wrong ones.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

SIBLINGS = ("compiler", "hw_models")


def check_siblings() -> None:
    """Raise `ImportError` where Python would import another `compiler` or `hw_models` than ltc2neuro's own."""
    home = Path(__file__).resolve().parent.parent
    for name in SIBLINGS:
        found = _places(name)
        if (home / name) not in found:
            raise ImportError(
                f"ltc2neuro's own package {name!r} is hidden by another one of that name\n"
                f"  where: {', '.join(map(str, found)) or 'nowhere'}, but it belongs in {home / name}\n"
                f"  what to do: rename your {name!r}, or start Python where its folder is not the first on sys.path."
            )


def _places(name: str) -> list[Path]:
    """The folders of the package `name`, or the file of the module: loaded already, or as it would be."""
    module = sys.modules.get(name)
    if module is not None:
        return [Path(p).resolve() for p in getattr(module, "__path__", [])]
    spec = importlib.util.find_spec(name)
    if spec is None:
        return []
    if spec.submodule_search_locations is None:
        return [Path(spec.origin or name).resolve()]
    return [Path(p).resolve() for p in spec.submodule_search_locations]
