"""The end of a run: the corpus as a whole.

Finishing is a handful of renames and small files, `corpus.json` last. A run killed in the middle
of it finds every batch finished when it is started again, and finishes again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gridkit.corpus.records import ManifestRow
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES, SYNTHETIC_SPEAKER, Split
from gridkit.media.detector import DETECTOR_NAME
from gridkit.media.landmarks_model import LandmarkModel
from gridkit.prepare.batch import BatchJob
from gridkit.prepare.clip import Settings
from gridkit.prepare.earlier import EMPTY_BATCHES
from gridkit.prepare.journal import PIPELINE_VERSION, FinishedBatch, Journal
from gridkit.prepare.plan import Plan
from gridkit.store.card import write_card
from gridkit.store.corpus_file import (
    SOURCE_NOTES,
    UNLISTED_FOLDERS,
    CorpusFile,
    ShardEntry,
    write_corpus_file,
)
from gridkit.store.landmarks_file import write_landmarks_file
from gridkit.store.manifest import MANIFEST_NAME, write_manifest
from gridkit.store.preview import write_preview
from gridkit.store.split_lists import write_split_list
from gridkit.store.summary import count_rows, split_entries


@dataclass(frozen=True)
class Run:
    """A run of prepare as it is decided before anything is decoded."""

    folder: Path
    """The folder of the corpus."""
    source_name: str
    settings: Settings
    plan: Plan
    splits: tuple[Split, ...]
    ignored_files: int
    """Files of the source that are neither clip, alignment nor archive."""
    finished: tuple[FinishedBatch, ...]
    """Batches of earlier runs that stay as they are."""
    jobs: tuple[BatchJob, ...]
    """Batches to make, in the order of the plan."""


def finish_corpus(run: Run, made: Iterable[FinishedBatch]) -> CorpusFile:
    """Put the shards in place, write what describes them, and remove the state of the run.

    Args:
        run: the run.
        made: what `make_batch` returned for each job of the run, in any order.

    Raises:
        DiskFullError, EnvironmentProblem: writing failed; run again to finish.
    """
    done = {batch.shard: batch for batch in (*run.finished, *made)}
    batches = [done[batch.shard] for batch in run.plan.batches]
    _move_shards(run.folder, batches)
    rows = sorted(
        (*run.plan.rejected, *(row for batch in batches for row in batch.rows)),
        key=lambda row: row.source_path,
    )
    corpus = _write_manifest(run, batches, rows)
    landmarks = landmarks_description(run.settings.landmark_model)
    write_landmarks_file(run.folder, landmarks)
    for split in run.splits:
        if split.name not in BUILTIN_SPLIT_NAMES:
            write_split_list(run.folder, split)
    write_preview(run.folder, corpus, rows)
    write_card(run.folder, corpus, rows, landmarks)
    write_corpus_file(run.folder, corpus)
    Journal(run.folder).close()
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
    run: Run, batches: Sequence[FinishedBatch], rows: Sequence[ManifestRow]
) -> CorpusFile:
    """Write the manifest and return the content of `corpus.json`, which holds its hash."""
    names = tuple(split.name for split in run.splits)
    return CorpusFile(
        source=run.source_name,
        synthetic=any(row.speaker and SYNTHETIC_SPEAKER.fullmatch(row.speaker) for row in rows),
        profiles={profile.name: asdict(profile) for profile in run.settings.profiles},
        settings=_settings(run, batches),
        splits=split_entries(run.splits, rows),
        counts=count_rows(rows),
        shards={
            batch.shard: ShardEntry(batch.kept, batch.bytes, batch.sha256, str(batch.key))
            for batch in batches
            if batch.sha256 is not None
        },
        manifest_sha256=write_manifest(run.folder / MANIFEST_NAME, rows, names),
        misfiled_alignments=run.plan.misfiled_alignments,
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


def _settings(run: Run, batches: Sequence[FinishedBatch]) -> dict[str, object]:
    notes = {SOURCE_NOTES: run.plan.notes, UNLISTED_FOLDERS: run.plan.unlisted_folders}
    return {
        **{name: list(value) for name, value in notes.items() if value},
        "lossless": run.settings.lossless,
        "pipeline_version": PIPELINE_VERSION,
        "landmark_model_sha256": run.settings.landmark_model.sha256,
        "ignored_files": run.ignored_files,
        EMPTY_BATCHES: {batch.shard: str(batch.key) for batch in batches if batch.file is None},
    }
