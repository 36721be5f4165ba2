"""The mapped network tick by tick in NumPy: its listings and connections, without Lava."""
