"""Lava: the mapped network as a graph of processes. Nothing here imports Lava before `door` has opened it."""
