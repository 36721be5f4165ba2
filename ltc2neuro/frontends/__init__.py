"""Frontends: models of other formats, read into torch modules that compile as any other. One frontend a folder."""
