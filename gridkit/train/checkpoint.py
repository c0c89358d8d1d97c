"""Checkpoints: all that a run needs to continue as if it had never stopped.

One is a file, or parts of at most a given size where files must
stay small. `checkpoint.json` names the parts with their hashes and is replaced last, in one
rename: whatever kills a run, the checkpoint before is whole.
"""

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from gridkit.errors import CheckpointError
from gridkit.store.files import write_file

INDEX_FILE = "checkpoint.json"


@dataclass(frozen=True)
class _Part:
    name: str
    sha256: str


def save_checkpoint(folder: Path, state: dict[str, Any], part_bytes: int | None = None) -> None:
    """Write a checkpoint in place of the one before.

    Args:
        folder: of the run.
        state: tensors, numbers, text, and lists and dicts of them.
        part_bytes: the largest file; None for one file.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    size = part_bytes or len(content)
    parts = []
    for number, start in enumerate(range(0, len(content), size)):
        part = content[start : start + size]
        digest = hashlib.sha256(part).hexdigest()
        # a name of its own for each content: parts of the checkpoint before stay until the end
        name = f"checkpoint-{digest[:12]}.{number:03d}.pt"
        write_file(folder / name, part)
        parts.append(_Part(name, digest))
    index = {"step": state.get("step"), "parts": [asdict(part) for part in parts]}
    write_file(folder / INDEX_FILE, json.dumps(index, indent=1).encode())
    keep = {part.name for part in parts}
    for old in folder.glob("checkpoint-*.pt"):
        if old.name not in keep:
            old.unlink()


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the last checkpoint of a run into main memory, None where there is none yet.

    Raises:
        CheckpointError: a part is missing or damaged.
    """
    index = folder / INDEX_FILE
    if not index.is_file():
        return None
    try:
        entries = json.loads(index.read_text(encoding="utf-8"))["parts"]
        content = b"".join(_read_part(folder, _Part(**entry)) for entry in entries)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    # what torch raises for a file that is not its own is any of these
    except (ValueError, KeyError, TypeError, EOFError, RuntimeError, UnpicklingError) as error:
        raise CheckpointError(f"{index} is damaged; delete it to start again") from error


def _read_part(folder: Path, part: _Part) -> bytes:
    path = folder / part.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path}: {error.strerror}; restore the file, or delete "
            f"{folder / INDEX_FILE} to start again"
        ) from error
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise CheckpointError(
            f"{path} is damaged (sha256 differs); restore the file, or delete "
            f"{folder / INDEX_FILE} to start again"
        )
    return content
