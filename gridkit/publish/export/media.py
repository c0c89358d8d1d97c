"""The sounds and crops of an export as files of their own."""

from pathlib import Path


def add_file(folder: Path, name: str, content: bytes) -> str:
    """Write a file below a folder and return its name.

    Raises:
        OSError: it cannot be written.
    """
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name
