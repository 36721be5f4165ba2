"""Doors: models of other formats, read into torch modules that compile as any other. One door a folder or module."""
