"""From a source to a prepared corpus."""

PRELOAD = "gridkit.prepare.preload"
"""What the processes that make clips are forked from."""
