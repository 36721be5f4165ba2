"""A foreign `compiler` beside a user's script is found out, in a fresh Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ltc2neuro.shadowing import check_siblings

HOME = Path(__file__).resolve().parent.parent.parent
CHECK = (
    f"import sys; sys.path.append({str(HOME)!r}); import ltc2neuro.shadowing as s; s.check_siblings(); print('ours')"
)


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHECK], cwd=folder, capture_output=True, text=True, timeout=60)


def test_ours(tmp_path):
    check_siblings()
    assert check(tmp_path).stdout == "ours\n"


@pytest.mark.parametrize(
    "name", ["compiler/__init__.py", "hw_models/__init__.py", "compiler.py", "hw_models/notes.txt"]
)
def test_hidden(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    run = check(tmp_path)
    if name.endswith(".txt"):  # a folder without __init__.py hides no package
        assert run.stdout == "ours\n"
        return
    assert run.returncode == 1
    assert f"is hidden by another one of that name\n  where: {tmp_path}" in run.stderr
    assert "what to do: rename" in run.stderr
