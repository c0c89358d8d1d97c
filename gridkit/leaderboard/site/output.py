"""The folder of the site: files that are written where their input changed, and a manifest.

    manifest.json   {"schema": 1, "files": {NAME: HASH OF ITS INPUT}}

The manifest is written last: what a killed build left is not in it, and is built again.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gridkit.errors import ResultError, UsageError
from gridkit.results.strict_json import dump, parse_object, read_text, values
from gridkit.store.files import write_file

SCHEMA = 1
MANIFEST = "manifest.json"


@dataclass
class Output:
    """A site that is being built."""

    folder: Path
    before: dict[str, str]
    """File to the hash of its input, of the build before."""
    there: frozenset[str]
    """Which of those files are there; asking for each would take longer than the rest."""
    files: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def keeps(self, name: str, inputs: str) -> bool:
        """Tell whether a file is there and of this input; it then stays."""
        if self.before.get(name) != inputs or name not in self.there:
            return False
        self.files[name] = inputs
        return True

    def write(self, name: str, content: str | bytes, inputs: str) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.files[name] = inputs
        self.written.append(name)

    def finish(self) -> list[str]:
        """Remove what the build before left and this one has not; return its names."""
        gone = [name for name in self.before if name not in self.files]
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)
        _write_manifest(self.folder, self.files)
        return gone


def open_output(folder: Path) -> Output:
    """Return the folder of a site, with what is known of the build before.

    Raises:
        UsageError: there are files in it that no build wrote.
    """
    path = folder / MANIFEST
    if not path.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty and not a site; name another folder by --out")
        # so that a build that is killed can be run again
        _write_manifest(folder, {})
        return Output(folder, {}, frozenset())
    try:
        found = values(parse_object(read_text(path), str(path)), "files", str, str(path))
    except ResultError:
        return Output(folder, {}, frozenset())
    inside = {name: inputs for name, inputs in found.items() if _is_inside(name)}
    return Output(folder, inside, frozenset(_names(folder)))


def _write_manifest(folder: Path, files: Mapping[str, str]) -> None:
    content = {"schema": SCHEMA, "files": dict(sorted(files.items()))}
    write_file(folder / MANIFEST, f"{dump(content, MANIFEST, indent=0)}\n".encode())


def hash_of(parts: Iterable[bytes]) -> str:
    """Return a hash of parts, in which their borders count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()[:24]


def _names(folder: Path) -> Iterator[str]:
    """Yield the files of a folder, and of those in it, as paths with slashes."""
    for base, _, names in os.walk(folder):
        inside = Path(base).relative_to(folder).as_posix()
        yield from (name if inside == "." else f"{inside}/{name}" for name in names)


def _is_inside(name: str) -> bool:
    parts = Path(name).parts
    return bool(parts) and not Path(name).is_absolute() and ".." not in parts
