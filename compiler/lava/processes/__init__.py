"""Lava processes and their models, nothing else: a folder each, whose `__init__.py` holds both.

To find the models of a process, Lava executes every file beside that of the process, again for each module of its
package: 81 files for each process when these were nine modules of one folder. Beside an `__init__.py` there is none.
"""

import compiler.lava.runtime.import_lava  # noqa: F401  # opens Lava
