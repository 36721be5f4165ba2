"""The command line: one command a file, each with NAME, HELP, `add` (its options) and `run`."""
