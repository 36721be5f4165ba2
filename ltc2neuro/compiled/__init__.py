"""Parts of a compiled network: how it runs, streams, tells what was clipped, and is told about."""
