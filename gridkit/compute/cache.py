"""Where gridkit keeps files that can be made or fetched again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder: `GRIDKIT_CACHE`, else `~/.cache/gridkit`; it may be removed any time."""
    return Path(os.environ.get("GRIDKIT_CACHE", "~/.cache/gridkit")).expanduser()
