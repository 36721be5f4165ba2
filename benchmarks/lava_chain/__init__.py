"""The trivial Lava process that rates are compared with; Lava executes every file of this folder."""

import compiler.backends.lava.door  # noqa: F401  # opens Lava
