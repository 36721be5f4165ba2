"""The rules of torch's functions: which ops of the graph each one is."""
