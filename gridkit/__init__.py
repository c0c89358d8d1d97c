"""gridkit: prepare the GRID audio-visual corpus and measure models on it, the same way everywhere.

    import gridkit

    gridkit.score(reference, prediction, rate_hz=16_000)   # two sounds, or two sentences
    gridkit.open_corpus("grid")                            # clips: frames, sound, words
    gridkit.evaluate(system, "grid", "s1")                 # a table, with the controls

docs/python.md shows them at work. Nothing heavy is imported before one of them is called.
"""

from gridkit.api import evaluate, open_corpus, score

__all__ = ["__version__", "evaluate", "open_corpus", "score"]
__version__ = "0.1.0"
