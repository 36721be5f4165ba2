"""What `mkdocs` writes while it builds the site: each command's help, every message, and notebooks as pages."""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from messages import Message, messages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from sources import subclasses

from hw_models.errors import BUG

OWN = (
    "GraphError",
    "AssemblyError",
    "ValueError",
    "TypeError",
    "AttributeError",
    "ImportError",
    "Ltc2NeuroError",
    "NewTableError",
)
"""What only a bug of ours raises, and what never reaches a user as it is"""


CURES = {
    "ArtifactError": "The file is damaged, or no network's: copy it again, or save the network again.",
    "ChipError": "Correct the chip's file, or take another chip: `ltc2neuro chips` lists them.",
    "Finding": "Scale what it names, make its layers smaller, or take another chip: `ltc2neuro chips` lists them.",
    "InputError": "Give what the message asks for: it says where, and what was given.",
    "LavaError": "`ltc2neuro doctor` says whether Lava itself runs; fewer samples show whether memory is short.",
    "QuantizeError": "Scale the values down, or give them wider words by Precision.",
    "TraceError": "Write the line that it names in another way: [layers and functions](supported.md).",
    "WeightsError": "Save the weights again: torch.save(model.state_dict(), path), or safetensors.",
}
"""By kind, where a message has no advice of its own"""


WARNED = {
    "runs instead": "Install what it names, or ask for the executor that is to run by `on=`.",
    "sequences are kept": "Nothing, if the sequences are alike; otherwise calibrate on fewer, chosen ones.",
    "a given state was clipped": "Calibrate on data whose states go as far, or give a state within the range.",
    "the model itself keeps only": "Compare with `model.double()`; subtract large offsets before the model.",
    "too little for": "Subtract the channel's offset, or compile `model.double()`.",
    "how precise the integers are": "Give a calibration on which these channels vary.",
    "the calibration is poor": "Calibrate on data like those that the network will meet.",
    "the integer outputs are only": "`print(ltc2neuro.attribute(net, x))` names value and cause ([causes](causes.md)).",
    "is in training mode": "`model.eval()` before the two are compared.",
    "from call to call": "Reset the model before `compile`; to go on from sample to sample, `net.stream()`.",
    "is the largest value in": "Calibrate on sequences as long as those it will meet, or bound the state.",
    "values were clipped": "Calibrate on data that reach as far, or widen the margin: `Precision(margin=4)`.",
    "changes no result": "Leave out `dt`, or use a cell that takes the elapsed time.",
    "tuning would not": "More sequences or epochs; it gains most at 8 bits of a parameter and fewer.",
    "besides its answer": "Return what is needed as an answer of the model, in a tuple.",
}
"""By a part of the text: warnings have their advice inside it"""


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page, with what is made here in the places that are marked."""
    for mark, made in MADE.items():
        markdown = markdown.replace(mark, made()) if mark in markdown else markdown
    return markdown


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages, and one for each notebook with its pictures."""
    for path in sorted((Path(config.docs_dir).parent / "examples" / "notebooks").glob("*.ipynb")):
        text, pictures = _notebook(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        for name, data in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=data))
    return files


def _notebook(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook with what is kept of its outputs, as Markdown and pictures."""
    parts, pictures = [], dict[str, bytes]()
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source.replace(".ipynb)", ".md)"))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}-{len(pictures)}.png"
                pictures[name] = base64.b64decode(data["image/png"])
                parts.append(f"![What the cell above draws]({name})")
            elif shown := "".join(output.get("text", data.get("text/plain", ""))).rstrip():
                parts.append(f"```text\n{shown}\n```")
    return "\n\n".join(parts) + "\n", pictures


def helps() -> str:
    """A section for each command of the shell."""
    os.environ["COLUMNS"] = "100"
    from ltc2neuro.cli.main import parser

    (commands,) = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return "\n\n".join(f"## {name}\n\n```text\n{one.format_help()}```" for name, one in commands.choices.items())


def listed() -> str:
    """A table for each kind of message."""
    kinds = groupby((m for m in messages() if m.kind not in OWN and BUG not in m.advice), key=lambda m: m.kind)
    heads = "| what is wrong, and why | what to do |\n|---|---|"
    below = subclasses()
    return "\n\n".join(f"### {kind}\n\n{_named(below.get(kind, {}))}{heads}\n{_rows(found)}" for kind, found in kinds)


def _named(below: dict[str, str]) -> str:
    """Which names of subclasses a traceback may show in place of the heading's."""
    names = "\n".join(f"- `{name}`: {what}" for name, what in below.items() if name not in OWN)
    return f"A traceback may name what it is more closely:\n\n{names}\n\n" if names else ""


def _rows(found: Iterable[Message]) -> str:
    return "\n".join(f"| {_cell(m.text)} | {_cell(m.advice) or _cure(m)} |" for m in found)


def _cure(message: Message) -> str:
    if message.kind == "UserWarning":
        return next((cure for part, cure in WARNED.items() if part in message.text), "The message ends with it.")
    return CURES.get(message.kind, "Report it.")


def _cell(text: str) -> str:
    """Plain text in a cell: nothing in it is markup."""
    marks = {"|": "&#124;", "<": "&lt;", "*": "&#42;", "_": "&#95;", "`": "&#96;", "[": "&#91;", "\n": " "}
    return "".join(marks.get(letter, letter) for letter in text)


MADE: dict[str, Callable[[], str]] = {"<!-- commands -->": helps, "<!-- messages -->": listed}
