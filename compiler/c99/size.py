"""What a network's C takes once it is built, where there is a compiler."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

SECONDS = 60


def flash(text: str) -> int | None:
    """Bytes of code and constants, built for size without the host's maps; None where no compiler here does so."""
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder, "net.c"), Path(folder, "net.o")
        source.write_text(text, "utf-8")
        command = ["cc", "-std=c99", "-Os", "-DNO_FLOAT", "-c", "-o", str(built), str(source)]
        try:
            subprocess.run(command, check=True, timeout=SECONDS, capture_output=True)
            sizes = subprocess.run(["size", str(built)], check=True, timeout=SECONDS, capture_output=True, text=True)
            return int(sizes.stdout.splitlines()[1].split()[0])
        except (OSError, subprocess.SubprocessError, IndexError, ValueError):  # another cc, or another size
            return None
