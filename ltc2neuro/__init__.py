"""Trained liquid neural networks to Loihi-class neuromorphic chips, with the same integers everywhere.

`compile` a torch module, `check` it against a chip, run it on the reference or in Lava, `verify` it, save it, `load` it
again. Nothing heavy is imported until it is needed: torch by `compile`, Lava by a run on it. Where this is imported
first, your own imports of Lava work on every Python from 3.10 to 3.13: see docs/lava.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ltc2neuro.shadowing import check_siblings

check_siblings()

from compiler.lava.runtime.import_hook import install  # noqa: E402  # only now is it known to be ours

install()

from ltc2neuro.version import __version__ as __version__  # noqa: E402

if TYPE_CHECKING:
    from compiler.library_processes.options import LibraryForm as LibraryForm
    from compiler.library_processes.options import Reciprocal as Reciprocal
    from compiler.mapping.options import Options as Options
    from compiler.mapping.options import Overlap as Overlap
    from compiler.placement.placement import Placement as Placement
    from compiler.quantize.precision import Precision as Precision
    from compiler.rules.finding import Finding as Finding
    from hw_models.chip import load_chip as load_chip
    from ltc2neuro import errors as errors
    from ltc2neuro import plot as plot
    from ltc2neuro.attribution.attributing import attribute as attribute
    from ltc2neuro.attribution.attribution import Attribution as Attribution
    from ltc2neuro.comparison import compare as compare
    from ltc2neuro.compilation.checking import check as check
    from ltc2neuro.compilation.pipeline import compile as compile
    from ltc2neuro.compiled.run import Run as Run
    from ltc2neuro.cost.sample_cost import Cost as Cost
    from ltc2neuro.evaluation.evaluating import evaluate as evaluate
    from ltc2neuro.evaluation.evaluation import Evaluation as Evaluation
    from ltc2neuro.frontends.nir.reading import from_nir as from_nir
    from ltc2neuro.frontends.nir.writing import to_nir as to_nir
    from ltc2neuro.frontends.onnx.importer import from_onnx as from_onnx
    from ltc2neuro.library_network.network import LibraryNetwork as LibraryNetwork
    from ltc2neuro.loading.networks import load as load
    from ltc2neuro.network import Network as Network
    from ltc2neuro.progressing import progress as progress
    from ltc2neuro.searching.search import search as search
    from ltc2neuro.searching.search_result import Search as Search
    from ltc2neuro.tuning.tuning import tune as tune
    from ltc2neuro.verification.verifying import Verification as Verification
    from ltc2neuro.verification.verifying import verify as verify

_HOMES = {
    "Attribution": "ltc2neuro.attribution.attribution",
    "Cost": "ltc2neuro.cost.sample_cost",
    "Evaluation": "ltc2neuro.evaluation.evaluation",
    "Finding": "compiler.rules.finding",
    "LibraryForm": "compiler.library_processes.options",
    "LibraryNetwork": "ltc2neuro.library_network.network",
    "Network": "ltc2neuro.network",
    "Options": "compiler.mapping.options",
    "Overlap": "compiler.mapping.options",
    "Placement": "compiler.placement.placement",
    "Precision": "compiler.quantize.precision",
    "Reciprocal": "compiler.library_processes.options",
    "Run": "ltc2neuro.compiled.run",
    "Search": "ltc2neuro.searching.search_result",
    "Verification": "ltc2neuro.verification.verifying",
    "attribute": "ltc2neuro.attribution.attributing",
    "check": "ltc2neuro.compilation.checking",
    "compare": "ltc2neuro.comparison",
    "compile": "ltc2neuro.compilation.pipeline",
    "evaluate": "ltc2neuro.evaluation.evaluating",
    "from_nir": "ltc2neuro.frontends.nir.reading",
    "from_onnx": "ltc2neuro.frontends.onnx.importer",
    "load": "ltc2neuro.loading.networks",
    "load_chip": "hw_models.chip",
    "progress": "ltc2neuro.progressing",
    "search": "ltc2neuro.searching.search",
    "to_nir": "ltc2neuro.frontends.nir.writing",
    "tune": "ltc2neuro.tuning.tuning",
    "verify": "ltc2neuro.verification.verifying",
}

__all__ = [*_HOMES, "errors", "plot"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name in ("errors", "nn", "plot"):
        return import_module(f"ltc2neuro.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ltc2neuro' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
