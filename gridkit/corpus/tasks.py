"""The tasks that are measured on GRID: frames to sound, frames to text, sound to text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """What a model does."""

    system: str
    """What it is called, as in `a lipreader`."""
    recipe: str
    """What a recipe of it is called, as in `a lipreading recipe`."""
    has_frames: bool
    """Whether it is given frames, so that a recipe says which in its [input]."""
    has_text: bool
    """Whether it answers with text, so that a recipe has a decoding."""


TASKS = {
    "v2s": Task(
        "a video-to-speech system", "a video-to-speech recipe", has_frames=True, has_text=False
    ),
    "lipreading": Task("a lipreader", "a lipreading recipe", has_frames=True, has_text=True),
    "recognition": Task(
        "a speech recogniser", "a speech recognition recipe", has_frames=False, has_text=True
    ),
}
TEXT_TASKS = tuple(name for name, task in TASKS.items() if task.has_text)
