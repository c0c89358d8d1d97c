"""gridkit: prepare the GRID audio-visual corpus and measure models on it, the same way everywhere.

    import gridkit

    gridkit.score(reference, prediction, rate_hz=16_000)   # two sounds, or two sentences

Nothing heavy is imported before it is called.
"""

from gridkit.api import score

__all__ = ["__version__", "score"]
__version__ = "0.1.0"
