"""Models from factories and weight files."""
