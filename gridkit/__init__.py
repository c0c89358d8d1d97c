"""gridkit: prepare the GRID corpus and measure models on it, the same way everywhere."""

__version__ = "0.1.0"
