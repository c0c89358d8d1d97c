"""The tasks that a system may have."""

TASKS = ("v2s", "lipreading", "recognition")
"""Frames to sound, frames to text, sound to text."""
TEXT_TASKS = ("lipreading", "recognition")
