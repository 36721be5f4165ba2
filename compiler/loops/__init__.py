"""The integer graph as loops over elements and rows of memory: what code generators write down in their language."""
