"""What the server asks of the process that works on a clip. It imports nothing that is large."""

from dataclasses import dataclass
from pathlib import Path

from gridkit.app.visits import CLIP


@dataclass(frozen=True)
class Task:
    """What is asked for."""

    kind: str
    """`facts`, `read`, `captioned` or `playable`."""
    folder: Path = Path()
    """Of the visit: the clip is in it, and files go there."""
    name: str = ""
    """What the visitor calls the clip."""
    reader: str = ""
    """Name of a lipreading recipe."""
    prompt: str = ""
    """Code of the sentence that was to be read aloud; empty where none was."""
    longest_s: float = 0.0
    """How long a clip may be."""

    @property
    def clip(self) -> Path:
        """Return the visitor's file."""
        return self.folder / CLIP
