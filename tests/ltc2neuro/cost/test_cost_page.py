"""docs/loihi2-cost.md says what the code says of those of its networks that are quickly compiled."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

import costs

PAGE = Path(__file__).resolve().parents[3] / "docs" / "loihi2-cost.md"


@pytest.mark.parametrize("number", [0, 3])
def test_the_page_is_not_stale(number: int) -> None:
    page = PAGE.read_text(encoding="utf-8")
    subject = costs.SUBJECTS[number]
    net, _ = subject.compiled()
    for row in (costs.size_row(subject.name, net), costs.time_row(subject.name, net)):
        assert row in page, "run python benchmarks/costs.py --out docs/loihi2-cost.md"
