"""What the machine can do: number formats, instructions, chips. NumPy only."""
