"""What an installed package says of itself."""

from pathlib import Path

import pytest
import tomllib

import ltc2neuro
from ltc2neuro.version import __version__

HOME = Path(__file__).parents[1]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]


def test_one_version():
    """In the code, the distribution, the citation, and on top of the changes."""
    assert PROJECT["version"] == __version__
    assert f"\nversion: {__version__}\n" in (HOME / "CITATION.cff").read_text()
    headings = [line for line in (HOME / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0].endswith(__version__)


@pytest.mark.parametrize("package", ["ltc2neuro", "compiler", "hw_models"])
def test_packages_are_typed(package):
    assert (HOME / package / "py.typed").exists()


def test_the_license_is_the_one_it_says():
    assert PROJECT["license"] == "BSD-3-Clause"
    assert all((HOME / name).read_text().startswith("BSD 3-Clause License") for name in PROJECT["license-files"])


def test_every_public_name_is_in_the_reference():
    entries = (HOME / "docs" / "reference" / "python.md").read_text().split("\n::: ")[1:]
    described = {entry.split()[0].rpartition(".")[2] for entry in entries}
    assert set(ltc2neuro.__all__) - {"plot"} <= described
    assert set(pytest.importorskip("ltc2neuro.plot").__all__) <= described
