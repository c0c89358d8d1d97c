"""What a run will put together, decided before anything is decoded, and kept on disk meanwhile.

`DIR/.gridkit/run.json` (with the rows of clips that are rejected already, and the lists of imported
splits, beside it) is all that `gridkit merge` needs to know of a run besides its finished batches.
It also tells two runs of different settings apart: its id is a hash of everything that decides the
bytes of the corpus.
"""

import hashlib
import json
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gridkit import __version__
from gridkit.compute.attempt import not_seen
from gridkit.corpus.records import ManifestRow, Reason, Status
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES, Split
from gridkit.errors import CorpusError, EnvironmentProblem, InputError, SplitError
from gridkit.prepare.journal import BatchKey, new_attempt
from gridkit.storage.objects import ObjectFolder
from gridkit.store.corpus_file import STATE_FOLDER
from gridkit.store.files import move_file, write_file
from gridkit.store.split_lists import read_split_list, split_list_path, write_split_list

RUN_FOLDER = f"{STATE_FOLDER}/run"
_RUN, _ID, _REJECTED = "run.json", "id", "rejected.jsonl"
RUN_ID = f"{RUN_FOLDER}/{_ID}"
"""The id of a run; written last."""


@dataclass(frozen=True)
class PlannedBatch:
    """One batch of a run."""

    key: BatchKey
    clips: int
    """Source clips, kept or not."""


@dataclass(frozen=True)
class Outline:
    """A run without its clips."""

    source_name: str
    profiles: Mapping[str, Mapping[str, Any]]
    """Crop profile to its full definition."""
    lossless: bool
    landmarks: Mapping[str, str]
    """Detector, points and licence (`landmarks-model.json`)."""
    batches: Mapping[str, PlannedBatch]
    """Shard to batch, in the order of the plan."""
    rejected: tuple[ManifestRow, ...]
    """Source clips that are in no batch."""
    imported_splits: tuple[Split, ...]
    ignored_files: int
    """Files of the source that are neither clip, alignment nor archive."""
    misfiled_alignments: Mapping[str, int]
    notes: tuple[str, ...]
    unlisted_folders: tuple[str, ...]

    @cached_property
    def id(self) -> str:
        """A hash of all that decides the bytes of the corpus."""
        splits = [(s.name, s.unseen_speakers, sorted(s.subset_of.items())) for s in self._splits]
        decisive = repr((self._as_json(), splits, self.rejected))
        return hashlib.sha256(decisive.encode()).hexdigest()[:16]

    @property
    def shards(self) -> tuple[str, ...]:
        """The shards in the order of the plan."""
        return tuple(self.batches)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits of the corpus: those that are built in, then the imported ones."""
        return (*BUILTIN_SPLIT_NAMES, *(split.name for split in self.imported_splits))

    @property
    def _splits(self) -> list[Split]:
        return sorted(self.imported_splits, key=lambda split: split.name)

    def _as_json(self) -> str:
        entries = {
            "gridkit_version": __version__,
            "source_name": self.source_name,
            "profiles": self.profiles,
            "lossless": self.lossless,
            "landmarks": self.landmarks,
            "batches": {
                shard: [str(batch.key), batch.clips] for shard, batch in self.batches.items()
            },
            "imported_splits": {split.name: split.unseen_speakers for split in self._splits},
            "ignored_files": self.ignored_files,
            "misfiled_alignments": self.misfiled_alignments,
            "notes": self.notes,
            "unlisted_folders": self.unlisted_folders,
        }
        return json.dumps(entries, indent=1, ensure_ascii=False)


def write_outline(corpus: Path, outline: Outline, parts: int | None = None) -> None:
    """Write the outline of a run into the state folder of a corpus.

    Args:
        corpus: folder of the corpus.
        outline: what it will be.
        parts: in how many parts the run is made, where a person's own scheduler runs them.
    """
    folder, attempt = corpus / RUN_FOLDER, new_attempt(corpus)
    earlier = running_id(corpus)
    if earlier == outline.id and _is_whole(corpus, outline.id):
        return
    run = json.loads(outline._as_json()) | {"parts": parts}
    # not a manifest: its schema takes a second to load, while no worker has begun
    lines = (json.dumps(_named(row), ensure_ascii=False) for row in outline.rejected)
    write_file(attempt / _REJECTED, "".join(f"{line}\n" for line in lines).encode())
    for split in outline.imported_splits:
        write_split_list(attempt, split)
    write_file(attempt / _RUN, f"{json.dumps(run, indent=1, ensure_ascii=False)}\n".encode())
    write_file(attempt / _ID, outline.id.encode())
    if earlier is not None:
        (folder / _ID).unlink(missing_ok=True)
    lists = [split_list_path(split.name) for split in outline.imported_splits]
    for name in (_REJECTED, *lists, _RUN, _ID):
        move_file(attempt / name, folder / name)
    shutil.rmtree(attempt, ignore_errors=True)


def read_outline(corpus: Path) -> tuple[Outline, int | None]:
    """Return the outline of the run in a corpus's folder, and its number of parts.

    Raises:
        CorpusError: there is none, it is damaged, or another gridkit made it.
    """
    if running_id(corpus) is None:
        raise CorpusError(f"{corpus} holds no run of gridkit prepare; start one")
    try:
        return _parse_outline(corpus)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SplitError) as error:
        raise CorpusError(
            f"{corpus / RUN_FOLDER} is damaged; give the gridkit prepare command (or one of its "
            "parts) again: it is written again, and what is finished is kept"
        ) from error


def _is_whole(corpus: Path, run_id: str) -> bool:
    """Whether the outline in a corpus's folder is there as it was written."""
    try:
        return read_outline(corpus)[0].id == run_id
    except CorpusError:
        return False


def _parse_outline(corpus: Path) -> tuple[Outline, int | None]:
    folder = corpus / RUN_FOLDER
    run = json.loads((folder / _RUN).read_text(encoding="utf-8"))
    if run["gridkit_version"] != __version__:
        raise CorpusError(
            f"{corpus} was begun by gridkit {run['gridkit_version']}, this is {__version__}; "
            "finish it with that version, or give gridkit prepare again"
        )
    outline = Outline(
        run["source_name"],
        run["profiles"],
        run["lossless"],
        run["landmarks"],
        {
            shard: PlannedBatch(BatchKey.parse(key), clips)
            for shard, (key, clips) in run["batches"].items()
        },
        tuple(map(_rejected_row, (folder / _REJECTED).read_text("utf-8").splitlines())),
        tuple(
            read_split_list(folder, name, unseen_speakers=unseen)
            for name, unseen in run["imported_splits"].items()
        ),
        run["ignored_files"],
        run["misfiled_alignments"],
        tuple(run["notes"]),
        tuple(run["unlisted_folders"]),
    )
    return outline, run["parts"]


def _named(row: ManifestRow) -> dict[str, str | None]:
    """Return what a row says of a clip that was rejected before it was decoded."""
    named = {name: getattr(row, name) for name in ("source_path", "id", "speaker", "code")}
    return named | {"reason": None if row.reason is None else str(row.reason), "detail": row.detail}


def _rejected_row(line: str) -> ManifestRow:
    named = json.loads(line)
    return ManifestRow(**named | {"status": Status.REJECTED, "reason": Reason(named["reason"])})


def running_id(corpus: Path) -> str | None:
    """Return the id of the run in a corpus's folder; None where there is none."""
    try:
        return (corpus / RUN_FOLDER / _ID).read_text()
    except OSError:
        return None


def check_same_run(corpus: Path, outline: Outline) -> None:
    """Refuse to take part in a run of other settings.

    Raises:
        InputError: the folder holds an unfinished run that would make another corpus.
    """
    earlier = running_id(corpus)
    if earlier not in (None, outline.id):
        raise InputError(
            f"{corpus} holds an unfinished run with another source, other settings or another "
            "gridkit; give the settings of that run, finish it (gridkit merge), or give "
            f"gridkit prepare without --shard to replace it"
        )


def stored_run_id(objects: ObjectFolder) -> str | None:
    """Return the id of the run in a place on an object store; None where there is none."""
    try:
        return objects.read(RUN_ID).decode()
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Place:
    """Where a worker finds a run: what it checks before it makes a batch."""

    corpus: Path
    run: str
    """Id of the run."""
    objects: ObjectFolder | None = None
    """Where a corpus on an object store is made; `corpus` is a scratch folder then."""
    gridkit_version: str = __version__

    def check(self) -> None:
        """Check that this machine has the right gridkit, and sees the folder of the corpus.

        Raises:
            EnvironmentProblem: it does not; the message names the machine.
        """
        node = socket.gethostname()
        if self.gridkit_version != __version__:
            raise EnvironmentProblem(
                f"{node} has gridkit {__version__}, this run is of {self.gridkit_version}; "
                "install the same version everywhere"
            )
        found = running_id(self.corpus) if self.objects is None else stored_run_id(self.objects)
        if found is None:
            raise not_seen(f"the run in {self._where}")
        if found != self.run:
            raise EnvironmentProblem(
                f"{node} sees another run in {self._where}; has it been started again meanwhile?"
            )

    @property
    def _where(self) -> object:
        return self.corpus if self.objects is None else self.objects.address
