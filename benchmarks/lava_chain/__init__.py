"""The trivial Lava process that rates are compared with; Lava executes every file of this folder."""
