"""The integer graph as machine code, made by LLVM through llvmlite: many sequences side by side in vector registers."""
