"""What an executor is, and those that need nothing but NumPy. Others are described in their own folders."""

USUAL = "reference"
"""The executor of what is run without naming one, of both kinds of networks"""
