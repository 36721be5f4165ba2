"""Lava processes and their models, nothing else: Lava executes every file of this folder to look for models."""

import compiler.backends.lava.door  # noqa: F401  # opens Lava
