"""Lava processes and their models, nothing else: Lava executes every file of this folder to look for models."""

import compiler.lava.runtime.import_lava  # noqa: F401  # opens Lava
