"""From a source to a prepared corpus: plan, work, commit batch by batch, finish.

The run can be killed at any moment. Run again, it finds its finished batches and redoes at most
those in flight; the result is byte-identical to an unbroken run, whatever the number of
processes.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gridkit.compute.local import Crashed, map_ordered
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.corpus.records import Clip, ManifestRow, Reason, Status
from gridkit.corpus.splits import Split, builtin_splits
from gridkit.prepare.clip import Rejection, Settings, Task, add_crops, prepare_clip
from gridkit.prepare.finish import Finished, earlier_corpus, finish_corpus
from gridkit.prepare.journal import PIPELINE_VERSION, BatchKey, FinishedBatch, Journal
from gridkit.prepare.plan import Batch, make_plan
from gridkit.prepare.sources import scan
from gridkit.store.corpus_file import CorpusFile
from gridkit.store.shards import read_shard
from gridkit.store.summary import subsets_by_id

PRELOAD = "gridkit.prepare.preload"


@dataclass(frozen=True)
class Request:
    """What a run of prepare is asked for."""

    folder: Path
    """Where the corpus goes."""
    source: Path
    """Folder with archives or clips."""
    source_name: str
    """What the corpus calls its source: `zenodo`, `sheffield`, `synthetic`, a folder's name."""
    settings: Settings
    speakers: tuple[str, ...] = ()
    """Empty: all."""
    alignments: Path | None = None
    """Archive or folder with alignments outside the source."""
    imported_splits: tuple[Split, ...] = ()
    workers: int = 1


@dataclass(frozen=True)
class Job:
    """One clip for a worker."""

    task: Task
    earlier: Clip | Rejection | None
    """What an earlier run made of it that still holds, without the crops that do not."""


Columns = Mapping[str, Mapping[str, str | None]]
"""Clip id to split name to subset."""


def prepare_corpus(request: Request) -> CorpusFile:
    """Make, extend or finish a prepared corpus.

    Profiles of an earlier run in the same folder stay: a run with a further profile adds it,
    without detecting faces again.

    Raises:
        LockedError: another run works in the folder.
        InputError: the source cannot be used, or lacks what the corpus in the folder holds; the
            folder holds files of someone else that would be replaced.
        CorpusError: the corpus in the folder was made by a newer gridkit.
        DiskFullError, EnvironmentProblem: writing failed; what is finished is kept.
    """
    with folder_lock(request.folder):
        earlier = earlier_corpus(request.folder)
        earlier.check_nothing_is_foreign()
        settings = earlier.extended(request.settings)
        source = scan(request.source, request.alignments)
        plan = make_plan(source, request.source_name, request.speakers)
        earlier.check_nothing_is_dropped(plan)
        splits = (
            *builtin_splits(plan.ids),
            *earlier.with_imported_splits(request.imported_splits),
        )
        ids = [task.id for batch in plan.batches for task in batch.tasks]
        columns = subsets_by_id(splits, ids)
        journal = Journal(request.folder)
        finished: dict[str, FinishedBatch] = {}
        todo: list[tuple[Batch, FinishedBatch | None]] = []
        keys = {batch.shard: batch_key(batch, settings, columns) for batch in plan.batches}
        for batch in plan.batches:
            known = journal.finished(batch.shard, request.folder) or earlier.finished(batch)
            if known is not None and known.key == keys[batch.shard]:
                finished[batch.shard] = known
            else:
                todo.append((batch, known))
        names = tuple(split.name for split in splits)
        for batch, results in work(todo, settings, keys, request.workers):
            clips = [result for result in results if isinstance(result, Clip)]
            rows = rows_of(batch, results, columns)
            key = keys[batch.shard]
            finished[batch.shard] = journal.commit(batch.shard, key, clips, rows, columns, names)
        result = finish_corpus(
            Finished(
                request.folder,
                request.source_name,
                settings,
                plan,
                splits,
                finished,
                source.ignored,
            )
        )
        journal.close()
        return result


def work(
    todo: Sequence[tuple[Batch, FinishedBatch | None]],
    settings: Settings,
    keys: Mapping[str, BatchKey],
    workers: int,
) -> Iterator[tuple[Batch, list[Clip | Rejection]]]:
    """Yield each batch with what became of its clips, in order, as the batches get done."""
    total = sum(len(batch.tasks) for batch, _ in todo)
    with Progress("prepare", total) as progress:
        results = map_ordered(
            partial(_work, settings),
            _jobs(todo, keys),
            workers=workers,
            preload=PRELOAD,
        )
        for batch, _ in todo:
            outcomes = []
            for _task in batch.tasks:
                result = next(results)
                if isinstance(result, Crashed):
                    result = Rejection(Reason.UNREADABLE, result.detail)
                outcomes.append(result)
                progress.advance()
            yield batch, outcomes
        results.close()


def batch_key(batch: Batch, settings: Settings, columns: Columns) -> BatchKey:
    """Return the hashes of all that decides a batch's bytes."""
    clips = [(t.file.key, t.file.size_bytes, t.file.stamp, t.id, t.words) for t in batch.tasks]
    return BatchKey(
        _digest(PIPELINE_VERSION, settings.landmark_model.sha256, clips),
        {
            profile.name: _digest(PIPELINE_VERSION, profile, settings.lossless)
            for profile in settings.profiles
        },
        _digest([sorted(columns[task.id].items()) for task in batch.tasks]),
    )


def rows_of(
    batch: Batch, results: Sequence[Clip | Rejection], columns: Columns
) -> list[ManifestRow]:
    """Return the manifest rows of a batch's clips."""
    rows = []
    kept = 0
    for task, result in zip(batch.tasks, results, strict=True):
        row = ManifestRow(task.file.key, task.id, task.speaker, task.code, Status.KEPT)
        if isinstance(result, Rejection):
            row = replace(row, status=Status.REJECTED, reason=result.reason, detail=result.detail)
        else:
            row = replace(
                row,
                flags=result.flags,
                quality=result.quality,
                splits=columns[task.id],
                shard=batch.shard,
                row=kept,
            )
            kept += 1
        rows.append(row)
    return rows


def _jobs(
    todo: Sequence[tuple[Batch, FinishedBatch | None]], keys: Mapping[str, BatchKey]
) -> Iterator[Job]:
    for batch, known in todo:
        earlier: Mapping[str, Clip | Rejection] = {}
        if known is not None:
            earlier = _reusable(known, keys[batch.shard])
        for task in batch.tasks:
            yield Job(task, earlier.get(task.id))


def _reusable(known: FinishedBatch, key: BatchKey) -> dict[str, Clip | Rejection]:
    """Return what still holds of a batch that was made with another key."""
    if known.key.tracking != key.tracking:
        return {}
    good = [name for name, digest in known.key.crops.items() if key.crops.get(name) == digest]
    earlier: dict[str, Clip | Rejection] = {
        row.id: Rejection(row.reason, row.detail or "")
        for row in known.rows
        if row.id is not None and row.reason is not None
    }
    if known.file is not None:
        earlier |= {clip.id: clip for clip in read_shard(known.file, good)}
    return earlier


def _work(settings: Settings, job: Job) -> Clip | Rejection:
    if isinstance(job.earlier, Rejection):
        return job.earlier
    if job.earlier is not None:
        return add_crops(job.task, job.earlier, settings)
    return prepare_clip(job.task, settings)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
