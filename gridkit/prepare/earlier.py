"""What a run finds of the runs before it: the finished corpus in its folder, if there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from gridkit.corpus.codes import speaker_order
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES, Split
from gridkit.errors import InputError
from gridkit.media.profiles import profile_of
from gridkit.prepare.clip import Settings
from gridkit.prepare.journal import BatchKey, FinishedBatch
from gridkit.prepare.plan import Batch, Plan
from gridkit.store.card import CARD_NAME
from gridkit.store.corpus_file import CORPUS_NAME, STATE_FOLDER, CorpusFile, read_corpus_file
from gridkit.store.files import file_sha256
from gridkit.store.landmarks_file import LANDMARKS_NAME
from gridkit.store.manifest import MANIFEST_NAME, Manifest, read_manifest
from gridkit.store.preview import PREVIEW_NAME
from gridkit.store.split_lists import read_split_list

OWN_FILES = (CARD_NAME, MANIFEST_NAME, LANDMARKS_NAME, PREVIEW_NAME)
"""Files that a run writes right into the folder, besides `corpus.json`."""
EMPTY_BATCHES = "empty_batches"
"""Setting that holds the keys of batches without a shard: no clip of them was kept."""


@dataclass(frozen=True)
class EarlierCorpus:
    """The corpus that a run finds in its folder; `file` is None where there is none."""

    folder: Path
    file: CorpusFile | None

    def extended(self, settings: Settings) -> Settings:
        """Return the settings with the profiles of the corpus added."""
        if self.file is None:
            return settings
        names = {profile.name for profile in settings.profiles}
        kept = [
            profile_of(definition, f"{self.folder}/{CORPUS_NAME}")
            for name, definition in self.file.profiles.items()
            if name not in names
        ]
        profiles = sorted((*settings.profiles, *kept), key=lambda profile: profile.name)
        # a lossless corpus stays lossless, also where this run does not ask for it
        lossless = settings.lossless or bool(self.file.settings.get("lossless"))
        return replace(settings, profiles=tuple(profiles), lossless=lossless)

    def with_imported_splits(self, imported: Sequence[Split]) -> tuple[Split, ...]:
        """Return imported splits, those the corpus has and new ones, which win."""
        if self.file is None:
            return tuple(imported)
        names = {split.name for split in imported}
        kept = (
            read_split_list(self.folder, name, unseen_speakers=entry.unseen_speakers)
            for name, entry in self.file.splits.items()
            if name not in (*BUILTIN_SPLIT_NAMES, *names)
        )
        return (*kept, *imported)

    def check_nothing_is_foreign(self) -> None:
        """Refuse a folder where a run would replace or remove files of someone else.

        Raises:
            InputError: such a file is there, and no killed run can have left it.
        """
        if (self.folder / STATE_FOLDER).exists():
            return
        known = {} if self.file is None else self.file.shards
        foreign = [
            path
            for path in sorted((self.folder / "data").glob("*.parquet"))
            if f"data/{path.name}" not in known
        ]
        if self.file is None:
            foreign += [self.folder / name for name in OWN_FILES if (self.folder / name).exists()]
        if foreign:
            raise InputError(
                f"{foreign[0]} exists and is not part of a finished corpus; it would be replaced "
                "or removed: move it away, or name another folder"
            )

    def check_nothing_is_dropped(self, plan: Plan) -> None:
        """Refuse a run that would take clips out of the corpus.

        Raises:
            InputError: the corpus keeps clips that the plan does not have.
        """
        if self.file is None:
            return
        here = self._manifest.kept(["id", "speaker"]).columns
        kept = dict(zip(*(column.to_pylist() for column in here), strict=True))
        gone = kept.keys() - plan.ids
        if gone:
            speakers = sorted({kept[clip] or "" for clip in gone}, key=speaker_order)
            raise InputError(
                f"{self.folder} holds clips of {' '.join(speakers)} that this source or "
                f"--speakers leaves out ({len(gone)}, such as {min(map(str, gone))}); name or add "
                "them as well, or use another folder"
            )

    def finished(self, batch: Batch) -> FinishedBatch | None:
        """Return a batch as the corpus holds it, None where it does not have it."""
        if self.file is None:
            return None
        keys = (task.file.key for task in batch.tasks)
        places = [self._places[key] for key in keys if key in self._places]
        rows = self._manifest.take(pa.array(places, pa.int64()))
        entry = self.file.shards.get(batch.shard)
        if entry is not None:
            file = self.folder / batch.shard
            if not file.is_file() or file_sha256(file) != entry.sha256:
                return None
            return FinishedBatch(
                batch.shard,
                BatchKey.parse(entry.key),
                rows,
                file,
                entry.sha256,
                entry.bytes,
                entry.rows,
            )
        key = self.file.settings.get(EMPTY_BATCHES, {}).get(batch.shard)
        if key is None:
            return None
        return FinishedBatch(batch.shard, BatchKey.parse(key), rows, None, None, 0, 0)

    @cached_property
    def _manifest(self) -> Manifest:
        return read_manifest(self.folder / MANIFEST_NAME)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Source path to the place of its row."""
        paths = self._manifest.table.column("source_path").to_pylist()
        return {path: place for place, path in enumerate(paths)}


def earlier_corpus(folder: Path) -> EarlierCorpus:
    """Return the finished corpus in a folder, if there is one.

    Raises:
        CorpusError: it was made by a newer gridkit, or its `corpus.json` is damaged.
    """
    there = (folder / CORPUS_NAME).is_file()
    return EarlierCorpus(folder, read_corpus_file(folder) if there else None)
