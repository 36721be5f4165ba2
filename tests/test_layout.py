"""The shape of the house: imports point one way, and `import ltc2neuro` is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
PLAN = HOME / "docs" / "architecture.md"
PACKAGES = ("hw_models", "compiler", "ltc2neuro")
ROOTS = ("compiler", "ltc2neuro")
"""Rooms are in these; on their own they are packages without anything"""
FORBIDDEN = {
    "hw_models": {"torch", "ncps", "lava", "scipy", "matplotlib", "sklearn"},
    "compiler": {"torch", "ncps", "matplotlib", "sklearn"},
    "ltc2neuro": {"lava"},
}
LIGHT = (
    "compiler.lava",
    "compiler.lava.executor",
    "compiler.lava.runtime.input_checks",
    "compiler.lava.runtime.import_hook",
    "compiler.onnx",
    "compiler.onnx.executor",
    "compiler.onnx.functions",
    "compiler.onnx.integer_ops",
    "compiler.onnx.lowering",
    "compiler.onnx.real_ops",
    "compiler.native.executor",
)
"""Of the folders of Lava, ONNX and LLVM, what needs none of these"""
HEAVY = (
    "torch", "ncps", "lava", "scipy", "matplotlib", "sklearn", "networkx", "onnx", "onnxruntime", "numba", "nir",
    "h5py", "keras", "llvmlite", "platformdirs", "distributed",
)  # fmt: skip
OPTIONAL = {*HEAVY, "torchdiffeq", "safetensors.torch"}
LATE = {
    "ltc2neuro.cli": {"numpy"},  # what --help needs none of
    "ltc2neuro.progressing": {"numpy", "tqdm"},  # the second looks for a notebook when it is imported
    "compiler.lava.runtime.import_hook": {"dataclasses", "multiprocessing"},  # what `import ltc2neuro` needs none of
}
"""What else is imported late, and where"""


@dataclass(frozen=True)
class Import:
    """A name that a file imports: late, where a function does it; of types, where nothing runs it."""

    name: str
    late: bool
    types: bool


def name_of(path: Path) -> str:
    parts = path.relative_to(HOME).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    """By their names all modules, parsed when the first test needs them: each process that only collects does not."""
    return {name: ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}


@cache
def imported() -> dict[str, list[Import]]:
    return {name: read(name, tree) for name, tree in trees().items()}


def read(module: str, tree: ast.Module) -> list[Import]:
    found: list[Import] = []

    def look(node: ast.AST, late: bool, types: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, late, types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module} has a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.append(Import(full if full in FILES else node.module, late, types))
        late = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        types = types or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):  # no expression imports
                look(child, late, types)

    look(tree, False, False)
    return found


def in_rings(todo: dict[str, set[str]]) -> list[str]:
    """What needs itself, or something that does, of what each needs."""
    while ready := [name for name, needs in todo.items() if not needs]:
        for name in ready:
            del todo[name]
        for needs in todo.values():
            needs.difference_update(ready)
    return sorted(todo)


def meanings_of(node: ast.stmt, module: str) -> Iterator[tuple[str, str]]:
    """The types that a statement names, and what each is: of an alias what it stands for, of a class the module."""
    if isinstance(node, ast.ClassDef):
        yield node.name, module
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        kind = node.value.func if isinstance(node.value, ast.Call) else None  # a TypeVar is its module's own
        if kind is None or ast.unparse(kind).endswith("NewType"):
            said = isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation)
            names = [t.id for t in targets if isinstance(t, ast.Name) and (said or re.search("^[A-Z].*[a-z]", t.id))]
            yield from ((name, ast.unparse(node.value).strip("\"'")) for name in names)


def meanings() -> dict[str, dict[str, str]]:
    """By each name of a type, a leading _ left out, the modules that define it, and what it is there."""
    found: dict[str, dict[str, str]] = {}
    for module, tree in trees().items():
        for node in tree.body:
            for name, meaning in meanings_of(node, module):
                found.setdefault(name.lstrip("_"), {})[module] = meaning
    return found


FOREIGN = ("hw_models.isa", "ltc2neuro.plot.pareto_front")
"""These speak of another's things by their names: a chip's instructions, what `search` returns"""
FORMATS = ("Array", "Attribute", "Graph", "Node", "Operation", "Rule", "Shape", "State", "States")
"""So do the frontends: of these things a format has its own"""
ALIKE = {
    "Block": {"compiler.graph.graph", "compiler.graph.serialize"},
    "Element": {"compiler.c99.elements", "compiler.native.operands"},
}
"""The same thing in two places"""


FILES = {name_of(path): path for package in PACKAGES for path in sorted((HOME / package).rglob("*.py"))}
ROWS = re.findall(r"^\| \d.*", PLAN.read_text("utf-8"), re.M)
FLOORS = [re.findall(r"`([\w.*]+)`", row.split("|")[2]) for row in ROWS]
"""The list of floors in docs/architecture.md, from the ground up."""
OTHERS = "compiler.*"
"""The room of each folder that the list does not name, such as that of a new executor"""


def floor_of(module: str) -> tuple[int, str]:
    """The floor on which a module is, and in which of its rooms."""
    rooms = [(n, room) for n, floor in enumerate(FLOORS) for room in floor]
    found = [(n, r) for n, r in rooms if module == r or (r not in ROOTS and module.startswith(f"{r}."))]
    if not found and module.startswith("compiler."):
        found = [(n, ".".join(module.split(".")[:2])) for n, room in rooms if room == OTHERS]
    assert found, f"docs/architecture.md has no floor for {module}"
    return max(found, key=lambda place: len(place[1]))


def test_every_module_imports_from_its_own_room_or_from_a_lower_floor() -> None:
    assert len(FLOORS) > 10 and len(FILES) > 250
    wrong = []
    for module, imports in imported().items():
        floor, room = floor_of(module)
        for item in imports:
            if item.name in FILES and item.name != module:
                other, where = floor_of(item.name)
                if where != room and other >= floor:
                    wrong.append(f"{module} (floor {floor + 1}) imports {item.name} (floor {other + 1})")
    assert not wrong, "\n".join(wrong)


def folder_of(module: str) -> str:
    """The folder of a module below its room's, or the module, where it is a room of its own."""
    return module if FILES[module].name == "__init__.py" or module == floor_of(module)[1] else module.rpartition(".")[0]


def test_folders_of_a_room_do_not_import_one_another() -> None:
    """Those of different rooms are on floors."""
    todo: dict[str, set[str]] = {folder_of(module): set() for module in FILES}
    for module, imports in imported().items():
        there = {folder_of(i.name) for i in imports if i.name in FILES and floor_of(i.name)[1] == floor_of(module)[1]}
        todo[folder_of(module)] |= there - {folder_of(module)}
    assert not (rings := in_rings(todo)), f"these import one another: {rings}"


def test_the_plan_names_what_there_is() -> None:
    """Files and modules, but for the x that a recipe makes."""
    page = PLAN.read_text("utf-8")
    paths = re.findall(r"`((?:compiler|docs|hw_models|ltc2neuro|tests)/[\w./]+)`", page)
    wrong = [path for path in paths if not (HOME / path).exists() and not re.search(r"\b(test_)?x\.", path)]
    for name in re.findall(r"`((?:compiler|hw_models|ltc2neuro)\.[\w.]+)`", page):
        module, _, own = name.rpartition(".")
        folder = HOME.joinpath(*name.split(".")).is_dir()
        wrong += [] if name in FILES or folder or own in FILES[module].read_text("utf-8") else [name]
    assert len(paths) > 15 and not wrong, wrong


def test_one_name_has_one_meaning() -> None:
    own = dict[str, dict[str, str]]()
    for name, found in meanings().items():
        foreign = (*FOREIGN, "ltc2neuro.frontends.") if name in FORMATS else FOREIGN
        own[name] = {module: meaning for module, meaning in found.items() if not module.startswith(foreign)}
    assert {name: set(found) for name, found in own.items() if len({*found.values()}) > 1} == ALIKE


OWN_WORDS = (
    "compiler.rules", "ltc2neuro.cli", "ltc2neuro.frontends", "ltc2neuro.plot", "ltc2neuro.report",
    "ltc2neuro.tracing.ops",
)  # fmt: skip
"""Here modules are alike in their functions, as each command has `add` and `run`, or speak as others do: torch, a file
format, a rule as it stands in messages, a page of what `plot` draws"""


def test_a_function_that_others_import_has_a_name_of_its_own() -> None:
    """One name has one meaning, whichever module it is read in."""
    found = dict[str, set[str]]()
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in FILES and node.module != module:
                for name in (alias.name for alias in node.names if f"{node.module}.{alias.name}" not in FILES):
                    if name in functions_of(node.module) and not node.module.startswith(OWN_WORDS):
                        found.setdefault(name.lstrip("_"), set()).add(node.module)
    assert not (wrong := {name: modules for name, modules in found.items() if len(modules) > 1}), wrong


@cache
def functions_of(module: str) -> frozenset[str]:
    return frozenset(node.name for node in trees()[module].body if isinstance(node, ast.FunctionDef))


SIGNATURES = re.compile(
    r"ltc2neuro\.(nn|network|report\.written|compiled\.network|tracing\.ops|frontends\.onnx\.ops)\b|compiler\.lava\.processes\."
    r"|ltc2neuro\.cli\.advice\.show$"
)
"""What others have set: users' arguments, handed on as they are; torch's, ONNX's, Lava's and Python's own functions"""


def test_no_function_has_more_than_five_parameters() -> None:
    """But for those that users call."""
    exported = re.findall(r'"(\w+)"', FILES["ltc2neuro"].read_text("utf-8"))
    wrong = []
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name not in exported:
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = sum(each.arg not in ("self", "cls") for each in given)
                wrong += [f"{module}.{node.name}: {count}"] if count > 5 else []
    assert not (found := [name for name in wrong if not SIGNATURES.match(name.partition(":")[0])]), found


def test_no_modules_import_one_another() -> None:
    """Late imports and those of types, too."""
    todo = {name: {i.name for i in found if i.name in FILES and i.name != name} for name, found in imported().items()}
    assert not (rings := in_rings(todo)), f"these import one another: {rings}"


@pytest.mark.parametrize("package", FORBIDDEN)
def test_optional_packages_stay_where_they_belong(package: str) -> None:
    for module, imports in imported().items():
        if module.split(".")[0] == package:
            for item in imports:
                assert item.name.split(".")[0] not in FORBIDDEN[package] or item.types, f"{module} imports {item.name}"


def test_only_its_folder_imports_lava() -> None:
    for module, imports in imported().items():
        inside = module.startswith("compiler.lava")
        for item in imports:
            assert inside or item.types or item.name.split(".")[0] != "lava", f"{module} imports {item.name}"


@pytest.mark.parametrize(
    ("folders", "packages"),
    [
        (("compiler.onnx.", "ltc2neuro.frontends.onnx."), ("onnx", "onnxruntime")),
        (("compiler.native.",), ("llvmlite",)),
    ],
)
def test_only_its_folders_import_a_package_and_know_no_fixed_point(folders, packages) -> None:
    for module, imports in imported().items():
        inside = module.startswith(folders)
        for item in imports:
            assert inside or item.types or item.name.split(".")[0] not in packages, f"{module} imports {item.name}"
            assert not (inside and item.name == "hw_models.fixed_point"), f"{module} imports {item.name}"


def loaded_by(name: str, seen: set[str]) -> set[str]:
    """The modules that are there once `name` is imported, and what these need of other packages."""
    parts = name.split(".")
    for parent in {".".join(parts[: n + 1]) for n in range(len(parts))} - seen:
        seen.add(parent)
        for item in imported().get(parent, ()):
            if not item.late and not item.types:
                loaded_by(item.name, seen)
    return seen


def test_imports_in_functions_are_of_what_is_optional_or_heavy() -> None:
    wrong = []
    for module, imports in imported().items():
        allowed = OPTIONAL.union(*(LATE[name] for name in LATE if module.startswith(name)))
        late = {item.name for item in imports if item.late and not item.types}
        wrong += [f"{module} imports {name} in a function" for name in late if not loaded_by(name, set()) & allowed]
    assert not wrong, "\n".join(wrong)


def test_what_stands_beside_the_packages_imports_what_there_is() -> None:
    """Nothing runs all of it: benchmarks take minutes, and some of them packages that few have."""
    beside = [path for folder in ("benchmarks", "examples", "scripts") for path in (HOME / folder).rglob("*.py")]
    wrong = []
    for path in beside:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
                own = FILES[node.module].read_text("utf-8") if node.module in FILES else ""
                there = [a.name for a in node.names if f"{node.module}.{a.name}" in FILES or a.name in own]
                wrong += [f"{path.name}: {node.module}.{a.name}" for a in node.names if a.name not in there]
    assert beside and not wrong, "\n".join(wrong)


def python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("what", ["ltc2neuro", "ltc2neuro.frontends.onnx.foreign_runtime"])
def test_import_is_light(what):
    """The second is what a process of its own imports for each ONNX file."""
    assert python(f"import sys, {what}; print([m for m in {HEAVY!r} if m in sys.modules])") == "[]\n"


def test_help_is_light():
    code = "import sys, ltc2neuro.cli.main; print([m for m in ('numpy', *{!r}) if m in sys.modules])"
    assert python(code.format(HEAVY)) == "[]\n"


def test_everything_below_ltc2neuro_imports_without_the_optional_packages():
    below = {name for name in FILES if name.split(".")[0] in ("hw_models", "compiler")}
    folders = ("compiler.lava", "compiler.native", "compiler.onnx")
    named = {room for floor in FLOORS for room in floor}
    names = [n for n in sorted(below) if n in LIGHT or (floor_of(n)[1] in named and not n.startswith(folders))]
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in HEAVY)
    python(f"import importlib, sys\n{blocked}for name in {names!r}: importlib.import_module(name)")


def test_every_page_has_a_place_in_the_menu():
    docs = HOME / "docs"
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
    pages |= {f"notebooks/{book.stem}.md" for book in (HOME / "examples" / "notebooks").glob("*.ipynb")}
    listed = set(re.findall(r"(\S+\.md)$", (HOME / "mkdocs.yml").read_text("utf-8"), re.M))
    assert pages == listed, "mkdocs.yml lists the pages of the site"
