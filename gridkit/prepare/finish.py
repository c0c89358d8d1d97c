"""The end of a run: the corpus as a whole.

Finishing is a handful of renames and small files, `corpus.json` last. A run killed in the middle
of it finds every batch finished when it is started again, and finishes again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gridkit.corpus.splits import SYNTHETIC_SPEAKER, Split, builtin_splits
from gridkit.media.detector import DETECTOR_NAME
from gridkit.media.landmarks_model import LandmarkModel
from gridkit.prepare.batch import BatchJob
from gridkit.prepare.earlier import EMPTY_BATCHES
from gridkit.prepare.journal import PIPELINE_VERSION, FinishedBatch, Journal, Record
from gridkit.prepare.outline import Outline
from gridkit.storage.objects import ObjectFolder
from gridkit.store.card import write_card
from gridkit.store.corpus_file import (
    SOURCE_NOTES,
    UNLISTED_FOLDERS,
    CorpusFile,
    ShardEntry,
    write_corpus_file,
)
from gridkit.store.landmarks_file import write_landmarks_file
from gridkit.store.manifest import MANIFEST_NAME, Manifest, source_ids, write_manifest
from gridkit.store.preview import choose_rows, write_preview
from gridkit.store.split_lists import write_split_list
from gridkit.store.summary import count_rows, split_entries


@dataclass(frozen=True)
class Run:
    """A run of prepare as it is decided before anything is decoded."""

    folder: Path
    """The folder of the corpus."""
    outline: Outline
    finished: tuple[FinishedBatch, ...]
    """Batches of earlier runs that stay as they are."""
    jobs: tuple[BatchJob, ...]
    """Batches to make, in the order of the plan."""
    objects: ObjectFolder | None = None
    """Where a corpus on an object store is made; `folder` is a scratch folder then."""


def finish_corpus(run: Run, made: Iterable[Record]) -> CorpusFile:
    """Put the shards in place, write what describes them, and remove the state of the run.

    Args:
        run: the run.
        made: what `make_batch` returned for each job of the run, in any order.

    Raises:
        DiskFullError, EnvironmentProblem: writing failed; run again to finish.
    """
    journal = Journal(run.folder, run.objects)
    done = {batch.shard: batch for batch in run.finished}
    done |= {record.shard: journal.with_rows(record) for record in made}
    batches = [done[shard] for shard in run.outline.shards]
    return put_together(run.folder, run.outline, batches, run.objects)


def put_together(
    folder: Path,
    outline: Outline,
    batches: Sequence[FinishedBatch],
    objects: ObjectFolder | None = None,
) -> CorpusFile:
    """Make a corpus of its finished batches, in the plan's order; raises as `finish_corpus`.

    Where shards are on an object store, the folder gets everything else, and the few of them that
    the preview shows.
    """
    _move_shards(folder, batches)
    parts = chain([outline.rejected], (batch.rows for batch in batches))
    manifest = Manifest.joined(Manifest.of(rows, outline.split_names) for rows in parts)
    manifest = manifest.by_source_path()
    splits = (*builtin_splits(source_ids(manifest)), *outline.imported_splits)
    corpus = _write_manifest(folder, outline, splits, batches, manifest)
    write_landmarks_file(folder, outline.landmarks)
    for split in outline.imported_splits:
        write_split_list(folder, split)
    if objects is not None:
        for shard in {str(row.shard) for row in choose_rows(manifest)}:
            (folder / shard).parent.mkdir(exist_ok=True)
            objects.fetch(shard, folder / shard)
    write_preview(folder, corpus, manifest)
    write_card(folder, corpus, manifest, outline.landmarks)
    write_corpus_file(folder, corpus)
    Journal(folder).close()
    return corpus


def landmarks_description(model: LandmarkModel) -> dict[str, str]:
    """Return which detector and points make the landmarks, and their licence."""
    return {
        "detector": DETECTOR_NAME,
        "points": model.name,
        "sha256": model.sha256,
        "licence": model.licence,
    }


def _write_manifest(
    folder: Path,
    outline: Outline,
    splits: Sequence[Split],
    batches: Sequence[FinishedBatch],
    manifest: Manifest,
) -> CorpusFile:
    """Write the manifest and return the content of `corpus.json`, which holds its hash."""
    counts = count_rows(manifest)
    return CorpusFile(
        source=outline.source_name,
        synthetic=any(map(SYNTHETIC_SPEAKER.fullmatch, counts.speakers)),
        profiles=outline.profiles,
        settings=_settings(outline, batches),
        splits=split_entries(splits, manifest),
        counts=counts,
        shards={
            batch.shard: ShardEntry(batch.kept, batch.bytes, batch.sha256, str(batch.key))
            for batch in batches
            if batch.sha256 is not None
        },
        manifest_sha256=write_manifest(folder / MANIFEST_NAME, manifest, manifest.split_names),
        misfiled_alignments=outline.misfiled_alignments,
    )


def _move_shards(folder: Path, batches: Sequence[FinishedBatch]) -> None:
    for batch in batches:
        place = folder / batch.shard
        if batch.file is not None and batch.file != place:
            place.parent.mkdir(parents=True, exist_ok=True)
            batch.file.replace(place)
    # a shard whose clips are all rejected now is not part of the corpus any more
    kept = {batch.shard for batch in batches if batch.file is not None}
    for path in (folder / "data").glob("*.parquet"):
        if f"data/{path.name}" not in kept:
            path.unlink()


def _settings(outline: Outline, batches: Sequence[FinishedBatch]) -> dict[str, object]:
    notes = {SOURCE_NOTES: outline.notes, UNLISTED_FOLDERS: outline.unlisted_folders}
    return {
        **{name: list(value) for name, value in notes.items() if value},
        "lossless": outline.lossless,
        "pipeline_version": PIPELINE_VERSION,
        "landmark_model_sha256": outline.landmarks["sha256"],
        "ignored_files": outline.ignored_files,
        EMPTY_BATCHES: {batch.shard: str(batch.key) for batch in batches if batch.file is None},
    }
