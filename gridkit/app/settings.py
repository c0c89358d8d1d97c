"""What the command says of the page that it opens."""

from dataclasses import dataclass
from pathlib import Path

RECIPES_VARIABLE = "GRIDKIT_APP_RECIPES"
"""Environment variable with the folder of the recipes, for the process that loads them; not set
for those that come with gridkit."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Names of this machine."""


@dataclass(frozen=True)
class Settings:
    """Where the page is, and what a visitor may ask of it."""

    recipes: Path | None = None
    """Folder of folders of recipes; None for those that come with gridkit."""
    host: str = LOOPBACK[0]
    port: int = 7860
    largest_mb: int = 200
    """Of a clip."""
    longest_s: float = 600
    """Of a clip."""
    at_once: int = 2
    """Clips that are worked on at the same time."""

    @property
    def is_local(self) -> bool:
        """Tell whether only this machine can reach the page."""
        return self.host in LOOPBACK
