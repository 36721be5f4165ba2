"""The trivial Lava process that rates are compared with; Lava executes every file of this folder."""

import compiler.lava.runtime.import_lava  # noqa: F401  # opens Lava
