"""Runs the notebooks of examples/ and keeps what they show, in small: python scripts/notebooks.py [NOTEBOOK...]"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from PIL import Image

FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"


def executed(path: Path, **environment: str) -> nbformat.NotebookNode:
    """The notebook with what its cells show, run from its folder, in a kernel of this Python; two minutes a cell."""
    book = nbformat.read(path, as_version=4)
    kernel = AsyncKernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True))
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(book, kernel, timeout=120, record_timing=False, resources=place)
    client.execute(env={**os.environ, **environment})
    return book


CELL = re.compile(r"(?<!\S)\S*ipykernel_\d+/\d+\.py")
"""How the kernel calls the file of a cell: in a folder of the machine, by numbers of the day; tried where a word begins
only, as a picture is one word of many thousands of letters"""


def shrunk(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with pictures of 64 colours, and cells for what the kernel calls their files."""
    for output in (o for cell in book.cells for o in cell.get("outputs", [])):
        if "text" in output:
            output.text = CELL.sub("a cell", output.text)
        if "image/png" in output.get("data", {}):
            picture, small = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))), io.BytesIO()
            picture.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
            output.data["image/png"] = base64.b64encode(small.getvalue()).decode()
    return book


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if len(sys.argv) > 1 else sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(shrunk(executed(path, TQDM_DISABLE="1")), path)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
