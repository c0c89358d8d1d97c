"""The values of the option `--decoding`, which several commands have."""

DECODINGS = ("greedy", "beam", "grammar")
"""Those of `gridkit.recipe.schema`, which brings torch: `--help` does not wait for it."""
