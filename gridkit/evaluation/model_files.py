"""The files of a model: found as they were, at each start of its process and at the end.

Whoever edits a model while it is evaluated, or trains into its folder, would get figures of two
models. A file is hashed once, and again where size, time of change or the file itself differ.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import UnsupportedOperation
from pathlib import Path

from gridkit.compute.cache import cache_folder
from gridkit.errors import ModelChangedError
from gridkit.evaluation.predictions.files import FILE, FOLDER
from gridkit.evaluation.predictions.loose_files import SUFFIXES
from gridkit.evaluation.sandbox.telling import HOLDING_FILES
from gridkit.evaluation.systems.contract import RECIPE_KINDS
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.recipe import load_recipe
from gridkit.recipe.shelf import RECIPE_FILE
from gridkit.results.system_card import SYSTEM_FILE
from gridkit.store.files import sha256_of

MOST_NAMED = 1_000
"""Files in folders below that a question lists; more become one hash."""
NEVER_OF_MODEL = frozenset(
    ".log .out .err .lock .tmp .part .swp .md .rst .html .pdf .ipynb .png .jpg .jpeg .gif .svg "
    ".avi .mkv .mov .mp4 .mpg .mpeg .webm .wav .flac .mp3 .ogg .align .parquet".split()
)
"""Files that lie beside a model and do not decide what it says; all others count."""
MAY_GROW = frozenset(("", ".txt", ".csv", ".tsv", ".jsonl"))
"""Files that may be a log: that something was added at the end does not change the model."""
BELOW = "folders below"

_NOT_OF_MODEL = HOLDING_FILES | {"pyvenv.cfg"}
_OWN = ".gridkit-"
"""How files begin that gridkit itself leaves in a folder: its lock, the journal of `publish`."""
_UNREADABLE = "cannot be read"

State = tuple[int, int, int, int, int]


class ModelFiles:
    """The files that decide what a model says, as they are when this is made.

    Of a recipe, its description and what that names; of another model, all in its folder and in
    folders below; of predictions, all of them; of a control, none.

    Args:
        spec: the model, downloaded.
        reads: files and folders that it may read besides; they count as its own.
    """

    def __init__(self, spec: ModelSpec, reads: Sequence[Path] = ()):
        self._spec, self._reads = spec, tuple(reads)
        self._known: dict[Path, tuple[State, str]] = {}
        self._before: Mapping[str, Path] = files_of(spec, reads)
        self._hashes = {name: self._sha256(path) for name, path in self._before.items()}
        self._sizes = {path: state[2] for path, (state, _) in self._known.items()}

    @property
    def content(self) -> dict[str, str] | str | None:
        """What a question says of the files: SHA-256 by name; None where there are none."""
        if self._spec.path is None:
            return None
        if self._spec.kind == "predictions":
            return self.sha256
        own = {name: digest for name, digest in self._hashes.items() if "/" not in name}
        below = {name: digest for name, digest in self._hashes.items() if "/" in name}
        return own | (below if len(below) <= MOST_NAMED else {BELOW: _digest(below)})

    @property
    def sha256(self) -> str | None:
        """One hash over names and contents; None where there are no files."""
        return None if self._spec.path is None else _digest(self._hashes)

    def check(self) -> None:
        """Refuse files that are not as they were.

        Raises:
            ModelChangedError: one changed, came or went; the message names it.
        """
        now = files_of(self._spec, self._reads)
        changed = {
            name
            for name in self._hashes.keys() | now.keys()
            if name not in now or name not in self._hashes or not self._is_as_before(name, now)
        }
        if changed:
            names = sorted(changed)
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ModelChangedError(
                f"{self._spec.text} was changed while it was evaluated ({', '.join(names[:3])}"
                f"{more}); put it back, or keep it in a folder of its own, where nothing else is "
                "written, and evaluate again"
            )

    def _is_as_before(self, name: str, now: Mapping[str, Path]) -> bool:
        path = now[name]
        if self._sha256(path) == self._hashes[name]:
            return True
        size = self._sizes.get(self._before[name], 0)
        return path.suffix in MAY_GROW and _sha256_of_start(path, size) == self._hashes[name]

    def _sha256(self, path: Path) -> str:
        try:
            status = path.stat()
            state = (
                status.st_dev,
                status.st_ino,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
            )
            known = self._known.get(path)
            if known is None or known[0] != state:
                known = state, sha256_of(path)
                self._known[path] = known
        except OSError:
            return _UNREADABLE
        return known[1]


def files_of(spec: ModelSpec, reads: Sequence[Path] = ()) -> dict[str, Path]:
    """Return the files that decide what a model says, by their names below its folder.

    Those that it reads elsewhere have their whole path as name.
    """
    if spec.path is None:
        return {}
    folder = spec.path if spec.path.is_dir() else spec.path.parent
    files: Iterable[Path]
    if spec.kind == "predictions":
        files = _prediction_files(folder)
    else:
        files = _recipe_files(folder) if spec.kind in RECIPE_KINDS else _files_below(folder)
    own = {str(file.relative_to(folder)): file for file in sorted(files)}
    places = [path.resolve() for path in reads] if spec.is_run else []
    return own | {
        str(file): file
        for place in places
        for file in ([place] if place.is_file() else sorted(_files_below(place)))
    }


def _digest(hashes: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def _recipe_files(folder: Path) -> list[Path]:
    weights = load_recipe(folder).weights
    named = [weights.file, weights.trained_on] if weights is not None else []
    return [folder / name for name in (RECIPE_FILE, *named)]


def _prediction_files(folder: Path) -> list[Path]:
    whole = [folder / FILE, folder / FOLDER / FILE]
    found = [file for file in whole if file.is_file()][:1]
    found = found or [file for file in folder.glob("*/*") if file.suffix in SUFFIXES]
    return found + [file for file in [folder / SYSTEM_FILE] if file.is_file()]


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield a model's files in its folder, in folders below, and in those that links lead to.

    Left out are corpora, results and the cache, which the system does not see either, hidden
    folders and virtual environments.
    """
    seen, spared = {folder.resolve(), cache_folder().resolve()}, _own_output()
    for place, folders, files in os.walk(folder, followlinks=True):
        if Path(place) != folder and not _NOT_OF_MODEL.isdisjoint(files):
            folders.clear()
            continue
        kept = [Path(place, name) for name in folders if not name.startswith((".", "__"))]
        new = [path for path in kept if path.resolve() not in seen]
        seen.update(path.resolve() for path in new)
        folders[:] = [path.name for path in new]
        yield from (path for name in files if _is_of_model(path := Path(place, name), spared))


def _is_of_model(file: Path, spared: Iterable[tuple[int, int]]) -> bool:
    if file.name.startswith(_OWN) or file.suffix.lower() in NEVER_OF_MODEL or not file.is_file():
        return False
    status = file.stat()
    return (status.st_dev, status.st_ino) not in spared


def _own_output() -> set[tuple[int, int]]:
    """Return the files that this process itself prints into."""
    found = set()
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(OSError, AttributeError, UnsupportedOperation, ValueError):
            status = os.fstat(stream.fileno())  # type: ignore[union-attr]
            found.add((status.st_dev, status.st_ino))
    return found


def _sha256_of_start(path: Path, size: int) -> str:
    """Return the hash of the first bytes of a file, as many as it once had."""
    digest = hashlib.sha256()
    with suppress(OSError), path.open("rb") as file:
        while size > 0 and (part := file.read(min(size, 1 << 20))):
            digest.update(part)
            size -= len(part)
    return digest.hexdigest() if size == 0 else ""
