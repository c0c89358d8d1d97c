"""gridkit: prepare the GRID audio-visual corpus and measure models on it, the same way everywhere.

    import gridkit

    gridkit.score(reference, prediction, rate_hz=16_000)   # two sounds, or two sentences
    gridkit.open_corpus("grid")                            # clips: frames, sound, words

Nothing heavy is imported before one of them is called.
"""

from gridkit.api import open_corpus, score

__all__ = ["__version__", "open_corpus", "score"]
__version__ = "0.1.0"
