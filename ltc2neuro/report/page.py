"""Pieces of the page: sections, tables, folds; whatever comes from a user is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Html:
    """Text that is HTML already."""

    text: str


@dataclass(frozen=True)
class Section:
    """One section: an anchor, a title, one sentence that says what to conclude, and what shows it."""

    anchor: str
    title: str
    conclusion: str
    body: tuple[Html, ...]


def html(piece: str | Html) -> str:
    """Text escaped, HTML as it is.

    >>> html("a < b")
    'a &lt; b'
    """
    return piece.text if isinstance(piece, Html) else escape(piece)


def paragraph(text: str) -> Html:
    """A paragraph."""
    return Html(f"<p>{escape(text)}</p>")


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Html]]) -> Html:
    """A table, its first column text, which scrolls where the screen is narrow."""
    top = "".join(f"<th>{escape(h)}</th>" for h in heads)
    body = "".join(f"<tr>{''.join(f'<td>{html(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = f"<thead><tr>{top}</tr></thead>" if any(heads) else ""
    many = " many" if len(heads) > FITS else ""
    return Html(f'<div class="wide{many}"><table>{head}<tbody>{body}</tbody></table></div>')


def fold(summary: str, *inside: Html, anchor: str = "") -> Html:
    """What is shown on a click; a link to `anchor` opens it."""
    place = f'<a id="{escape(anchor)}"></a>' if anchor else ""
    body = "".join(piece.text for piece in inside)
    return Html(f"<details><summary>{escape(summary)}</summary>{place}{body}</details>")


def listing(text: str) -> Html:
    """Text as it stands."""
    return Html(f"<pre>{escape(text)}</pre>")


def figure(picture: Html, caption: str) -> Html:
    """A picture with what it shows."""
    return Html(f"<figure>{picture.text}<figcaption>{escape(caption)}</figcaption></figure>")


def choice(name: str, items: Sequence[tuple[str, Html]]) -> Html:
    """One of several pieces, as the reader picks: buttons and style alone, no script."""
    if len(items) == 1:
        return items[0][1]
    picks, shown, rules = [], [], []
    for n, (label, piece) in enumerate(items):
        checked = " checked" if n == 0 else ""
        picks.append(f'<input type="radio" name="{name}" id="{name}-{n}"{checked}>')
        picks.append(f'<label for="{name}-{n}">{escape(label)}</label>')
        shown.append(f'<div class="picked {name}-{n}">{piece.text}</div>')
        rules.append(f"#{name}-{n}:checked~.{name}-{n}{{display:block}}")
    return Html(f'<style>{"".join(rules)}</style><div class="pick">{"".join(picks)}{"".join(shown)}</div>')


def page(title: str, intro: str, sections: Sequence[Section]) -> str:
    """The whole file."""
    links = " ".join(f'<a href="#{s.anchor}">{escape(s.title)}</a>' for s in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{ALLOWED}"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{escape(title)}</h1><p>{escape(intro)}</p><nav>{links}</nav></header><main>"
        f"{''.join(map(_section, sections))}</main></body></html>\n"
    )


def _section(section: Section) -> str:
    return (
        f'<section id="{section.anchor}"><h2>{escape(section.title)}</h2>'
        f'<p class="conclusion">{escape(section.conclusion)}</p>{"".join(p.text for p in section.body)}</section>\n'
    )


FITS = 3
"""So many columns are seen whole on a narrow screen"""
ALLOWED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with the page: no request, no script"""
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#5c6570;--line:#d5dae0;--mark:#f3f6fa;--accent:#1d6fd1}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--paper:#14181d;--soft:#9aa5b1;--line:#353c45;--mark:#1d232b;
--accent:#6fb0ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:70rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--paper)}
h1{font-size:1.6rem;margin:.4rem 0;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.2rem 0 .4rem;border-top:1px solid var(--line);padding-top:1rem}
a{color:var(--accent)}nav{display:flex;flex-wrap:wrap;gap:.3rem 1rem}
p{margin:.5rem 0;overflow-wrap:anywhere}
.conclusion{font-size:1.05rem;background:var(--mark);border-left:4px solid var(--accent);padding:.5rem .8rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;margin:.6rem 0}
th,td{text-align:left;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}td{font-variant-numeric:tabular-nums}

td:first-child{min-width:7rem}
.good{color:#1a7f37;font-weight:600}.bad{color:#d1242f;font-weight:600}
@media (prefers-color-scheme:dark){.good{color:#57c46f}.bad{color:#ff7b72}}
figure{margin:.8rem 0}figure svg{width:100%;height:auto;display:block}
figure svg a text{pointer-events:none}
@media screen and (max-width:600px){figure{overflow-x:auto}figure svg{min-width:640px}
figcaption{max-width:90vw;position:sticky;left:0}
figure::before,.many::before{content:"scroll \\2192";display:block;position:sticky;left:0;width:max-content;
color:var(--accent);font-size:.8rem}.many table{min-width:40rem}}
figcaption{color:var(--soft);font-size:.88rem}
pre{overflow-x:auto;background:var(--mark);padding:.6rem;font-size:.8rem;line-height:1.35}
details{margin:.4rem 0}summary{cursor:pointer;overflow-wrap:anywhere}
.pick input{position:absolute;opacity:0}.pick label{display:inline-block;padding:.15rem .6rem;margin:.15rem .2rem;
border:1px solid var(--line);border-radius:.3rem;cursor:pointer}
.pick input:checked+label{background:var(--accent);color:var(--paper)}
.pick input:focus-visible+label{outline:2px solid var(--ink)}
.picked{display:none}
@media print{:root{--ink:#000;--paper:#fff;--soft:#444;--line:#bbb;--mark:#f3f6fa;--accent:#1d6fd1}
nav,.pick label{display:none}body{max-width:none;font-size:11pt}figure,tr{break-inside:avoid}
h2{break-after:avoid}pre{white-space:pre-wrap}}
"""
