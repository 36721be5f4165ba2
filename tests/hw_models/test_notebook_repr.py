from __future__ import annotations

from hw_models.notebook_repr import MOST_COLUMNS, MOST_LINES, Shown, one_screen


class Long(Shown):
    def __str__(self) -> str:
        return "\n".join(["<b>", "x" * 1000, *map(str, range(1000))])


def test_a_repr_is_one_screen_and_its_html_is_escaped():
    lines = repr(Long()).splitlines()
    assert len(lines) == MOST_LINES and max(map(len, lines)) == MOST_COLUMNS and lines[-1].endswith("print it")
    html = Long()._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html and len(html) < 5000


def test_a_short_text_stays():
    assert one_screen("a\nb") == "a\nb"
