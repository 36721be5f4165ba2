"""The shape of the house: imports point one way, and `import ltc2neuro` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
LAVA = HOME / "compiler" / "lava"
FORBIDDEN = {
    "hw_models": {"compiler", "ltc2neuro", "torch", "ncps", "lava", "scipy", "matplotlib", "sklearn"},
    "compiler": {"ltc2neuro", "torch", "ncps", "matplotlib", "sklearn"},
    "ltc2neuro": {"lava"},
}
HEAVY = ("torch", "ncps", "lava", "scipy", "matplotlib", "sklearn", "networkx", "onnx", "numba")


def modules(package: str) -> list[Path]:
    return sorted((HOME / package).rglob("*.py"))


def imports(path: Path, *, nested: bool = True) -> Iterator[str]:
    """The full names of the modules that a file imports; without `nested` only those outside functions."""
    todo: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if nested or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            todo.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package):
    assert len(modules(package)) > 3
    for path in modules(package):
        for name in imports(path):
            assert name.split(".")[0] not in FORBIDDEN[package], f"{path.relative_to(HOME)} imports {name}"


def test_lava_only_inside_its_backend():
    for path in modules("compiler"):
        inside = path.is_relative_to(LAVA)
        for name in imports(path):
            assert inside or name.split(".")[0] != "lava", f"{path.relative_to(HOME)} imports {name}"
        for name in imports(path, nested=False):
            away = not name.startswith("compiler.lava")
            assert inside or away, f"{path.relative_to(HOME)} imports {name} at module level"


def python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_import_is_light():
    loaded = python(f"import sys, ltc2neuro; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == "[]\n"


def test_help_is_light():
    code = "import sys, ltc2neuro.cli.main; print([m for m in ('numpy', *{!r}) if m in sys.modules])"
    assert python(code.format(HEAVY)) == "[]\n"


def test_everything_below_ltc2neuro_imports_without_the_optional_packages():
    names = [
        ".".join(path.relative_to(HOME).with_suffix("").parts)
        for package in ("hw_models", "compiler")
        for path in modules(package)
        if not path.is_relative_to(LAVA) and path.name != "__init__.py"
    ]
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in HEAVY)
    python(f"import importlib, sys\n{blocked}for name in {names!r}: importlib.import_module(name)")
