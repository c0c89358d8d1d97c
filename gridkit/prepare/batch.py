"""One batch: from the plan of a shard to the shard on disk and its record.

`make_batch` is the unit of prepare's work. All it needs is a `BatchJob`, which can be pickled, and
the folder of the corpus. So it can run in any process, on any machine that sees the source, the
landmark model and the corpus under the same paths. No batch depends on another one: made anywhere
and in any order, they give a corpus of the same bytes.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gridkit.compute.local import Crashed, map_ordered
from gridkit.corpus.records import Clip, ManifestRow, Reason, Status
from gridkit.prepare.clip import Settings, Task, add_crops, prepare_clip
from gridkit.prepare.journal import BatchKey, FinishedBatch, Journal
from gridkit.prepare.plan import Batch
from gridkit.prepare.rejection import Rejection
from gridkit.store.shards import read_shard

PRELOAD = "gridkit.prepare.preload"

Outcome = Clip | Rejection
"""What becomes of a source clip."""


@dataclass(frozen=True)
class BatchJob:
    """All that decides the bytes of one batch."""

    batch: Batch
    key: BatchKey
    settings: Settings
    subsets: Mapping[str, Mapping[str, str | None]]
    """Clip id to split name to subset, for the clips of the batch."""
    split_names: tuple[str, ...]
    earlier: FinishedBatch | None
    """The batch as an earlier run made it, with another key; None where there is none."""


@dataclass(frozen=True)
class ClipJob:
    """One clip for a worker."""

    task: Task
    settings: Settings
    earlier: Outcome | None
    """What an earlier run made of it that is still valid; crops that are not are left out."""


def make_batch(
    job: BatchJob, corpus: Path, outcomes: Iterable[Outcome] | None = None
) -> FinishedBatch:
    """Write the shard of a batch, its manifest rows and, last, its record.

    Args:
        job: the batch.
        corpus: folder of the corpus; the files go to the state folder in it.
        outcomes: what becomes of the clips of the batch, in their order, where a run prepares
            the clips of many batches ahead. None: they are prepared here, in one worker process.

    Raises:
        MediaError: a clip that an earlier run kept can no longer be decoded.
        DiskFullError, EnvironmentProblem: writing failed.
    """
    results = list(prepare_clips([job], workers=1) if outcomes is None else outcomes)
    clips = [result for result in results if isinstance(result, Clip)]
    rows = _manifest_rows(job, results)
    return Journal(corpus).commit(job.batch.shard, job.key, clips, rows, job.split_names)


def prepare_clips(jobs: Sequence[BatchJob], *, workers: int) -> Generator[Outcome, None, None]:
    """Yield what becomes of each clip of the batches, in order; local processes share the clips.

    A clip whose worker dies twice is rejected as unreadable, and takes no other clip with it.
    """
    clip_jobs = (clip_job for job in jobs for clip_job in _clip_jobs(job))
    results = map_ordered(prepare_outcome, clip_jobs, workers=workers, preload=PRELOAD)
    with closing(results):
        for result in results:
            if isinstance(result, Crashed):
                yield Rejection(Reason.UNREADABLE, result.detail)
            else:
                yield result


def prepare_outcome(job: ClipJob) -> Outcome:
    """Return what becomes of one clip: only what an earlier run lacks is computed."""
    if isinstance(job.earlier, Rejection):
        return job.earlier
    if job.earlier is not None:
        return add_crops(job.task, job.earlier, job.settings)
    return prepare_clip(job.task, job.settings)


def _clip_jobs(job: BatchJob) -> Iterator[ClipJob]:
    earlier = {} if job.earlier is None else _reusable(job.earlier, job.key)
    for task in job.batch.tasks:
        yield ClipJob(task, job.settings, earlier.get(task.id))


def _reusable(earlier: FinishedBatch, key: BatchKey) -> dict[str, Outcome]:
    """Return what is still valid of a batch that was made with another key."""
    if earlier.key.tracking != key.tracking:
        return {}
    good = [name for name, digest in earlier.key.crops.items() if key.crops.get(name) == digest]
    outcomes: dict[str, Outcome] = {
        row.id: Rejection(row.reason, row.detail or "")
        for row in earlier.rows
        if row.id is not None and row.reason is not None
    }
    if earlier.file is not None:
        outcomes |= {clip.id: clip for clip in read_shard(earlier.file, good)}
    return outcomes


def _manifest_rows(job: BatchJob, results: Sequence[Outcome]) -> list[ManifestRow]:
    rows = []
    kept = 0
    for task, result in zip(job.batch.tasks, results, strict=True):
        row = ManifestRow(task.file.key, task.id, task.speaker, task.code, Status.KEPT)
        if isinstance(result, Rejection):
            row = replace(row, status=Status.REJECTED, reason=result.reason, detail=result.detail)
        else:
            row = replace(
                row,
                flags=result.flags,
                quality=result.quality,
                splits=job.subsets[task.id],
                shard=job.batch.shard,
                row=kept,
            )
            kept += 1
        rows.append(row)
    return rows
