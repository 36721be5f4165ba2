"""Lava: the mapped network as a graph of processes. `runtime.import_lava` imports it first, whoever comes."""
