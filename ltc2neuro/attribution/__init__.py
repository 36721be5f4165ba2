"""Where every decibel goes: the error of a network's integers by value and by cause."""
