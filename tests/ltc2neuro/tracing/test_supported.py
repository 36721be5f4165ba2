"""docs/supported.md says what the code supports."""

from pathlib import Path

from ltc2neuro.tracing.supported import page

KEPT = Path(__file__).parents[3] / "docs" / "supported.md"


def test_the_table_of_what_is_supported_is_not_stale() -> None:
    assert KEPT.read_text(encoding="utf-8") == page(), "run python -m ltc2neuro.tracing.supported > docs/supported.md"
