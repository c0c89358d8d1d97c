"""One batch: from the plan of a shard to the shard on disk and its record.

`make_batch` is the unit of prepare's work. All it needs is a `BatchJob`, which can be pickled, and
the folder of the corpus. So it can run in any process, on any machine that sees the source, the
landmark model and the corpus under the same paths. No batch depends on another one: made anywhere
and in any order, they give a corpus of the same bytes.
"""

import socket
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gridkit.compute.attempt import not_seen
from gridkit.compute.executor import CountSteps, Crashed, Executor, retry_once
from gridkit.compute.local import map_ordered
from gridkit.corpus.records import Clip, ManifestRow, Reason, Status
from gridkit.errors import EnvironmentProblem, InputError
from gridkit.media.landmarks_model import default_landmark_model
from gridkit.prepare import PRELOAD
from gridkit.prepare.clip import Settings, Task, add_crops, prepare_clip
from gridkit.prepare.journal import BatchKey, FinishedBatch, Journal, Record
from gridkit.prepare.outline import Place
from gridkit.prepare.plan import Batch
from gridkit.prepare.rejection import Rejection
from gridkit.storage.objects import ObjectFolder
from gridkit.store.shards import read_shard

MOST_LOSSES = 3
"""A batch whose worker was lost so often is given up."""

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


@dataclass(frozen=True)
class BatchUnit:
    """A whole batch for a worker, which writes it; only the record travels."""

    job: BatchJob
    place: Place
    contained: bool = False
    """Whether clips are prepared in a process of their own, as one has killed a worker."""


@dataclass(frozen=True)
class FailedBatch:
    """A batch that cannot be made of these clips."""

    shard: str
    why: str


Unit = BatchUnit | ClipJob
"""What a worker does: a batch, or one clip of a batch that all workers of a machine share."""


Made = Record | FailedBatch | Outcome
"""What becomes of a unit."""


def work(unit: Unit, count_clips: CountSteps) -> Made:
    """Do a unit, in a worker.

    Raises:
        DiskFullError, EnvironmentProblem: this machine cannot do it; it is named.
    """
    if isinstance(unit, ClipJob):
        return prepare_outcome(unit)
    unit.place.check()
    known = Journal(unit.place.corpus).is_made(unit.job.batch.shard, unit.job.key)
    if known is not None:
        count_clips(len(unit.job.batch.tasks))
        return known
    check_source(unit.job)
    job = replace(unit.job, settings=settings_here(unit.job.settings))
    try:
        outcomes = (
            prepare_clips([job], workers=1)
            if unit.contained
            else map(prepare_outcome, clip_jobs(job))
        )
        place = unit.place
        return make_batch(job, place.corpus, counted(outcomes, count_clips), place.objects)
    except InputError as error:
        return FailedBatch(unit.job.batch.shard, str(error))


def contain(unit: Unit, losses: int) -> Unit | None:
    """Return what is done where a unit has lost its worker.

    The batch is made again, with its clips in a process of their own: the one that kills this is
    rejected, and the worker stays. A single clip is tried once more.
    """
    if isinstance(unit, ClipJob):
        return retry_once(unit, losses)
    return replace(unit, contained=True) if losses < MOST_LOSSES else None


def share_out(
    jobs: Sequence[BatchJob], executor: Executor
) -> tuple[Sequence[BatchJob], Sequence[BatchJob]]:
    """Return the batches that workers make as a whole, and those whose clips they share.

    On one machine the last batches are shared, so that a run of few batches keeps all workers busy,
    and all end at the same time. The clips of these go to the parent, which writes the shard.
    """
    if not executor.is_local or executor.workers == 1:
        return jobs, []
    rounds = len(jobs) // executor.workers
    whole = max(0, rounds - 1) * executor.workers
    return jobs[:whole], jobs[whole:]


def check_source(job: BatchJob) -> None:
    """Check that this machine sees the files of a batch.

    Raises:
        EnvironmentProblem: one is not there; the message names the machine.
    """
    for file in dict.fromkeys(task.file.file for task in job.batch.tasks):
        if not file.exists():
            raise not_seen(f"{file}, which was there when the source was listed", "source")


def settings_here(settings: Settings) -> Settings:
    """Return the settings with the landmark model as this machine has it, wherever it lies.

    Raises:
        EnvironmentProblem: it does not have this model.
    """
    model = settings.landmark_model
    if model.path.is_file():
        return settings
    own = default_landmark_model()
    if own.sha256 != model.sha256:
        raise EnvironmentProblem(
            f"{socket.gethostname()} does not see the landmark model {model.path}; it has to lie "
            "in a folder that all machines share"
        )
    return replace(settings, landmark_model=own)


def make_batch(
    job: BatchJob,
    corpus: Path,
    outcomes: Iterable[Outcome] | None = None,
    objects: ObjectFolder | None = None,
) -> Record:
    """Write the shard of a batch, its manifest rows and, last, its record.

    Args:
        job: the batch.
        corpus: folder of the corpus; the files go to the state folder in it.
        outcomes: what becomes of the clips of the batch, in their order. None: they are prepared
            here, in one worker process.
        objects: where a corpus on an object store is made; `corpus` is a scratch folder then.

    Raises:
        MediaError: a clip that an earlier run kept can no longer be decoded.
        DiskFullError, EnvironmentProblem: writing failed.
    """
    results = list(prepare_clips([job], workers=1) if outcomes is None else outcomes)
    clips = [result for result in results if isinstance(result, Clip)]
    rows = _manifest_rows(job, results)
    return Journal(corpus, objects).commit(job.batch.shard, job.key, clips, rows, job.split_names)


def prepare_clips(jobs: Sequence[BatchJob], *, workers: int) -> Generator[Outcome, None, None]:
    """Yield what becomes of each clip of the batches, in order; local processes share the clips.

    A clip whose worker dies twice is rejected as unreadable, and takes no other clip with it.
    """
    coming = (clip_job for job in jobs for clip_job in clip_jobs(job))
    with closing(map_ordered(prepare_outcome, coming, workers=workers, preload=PRELOAD)) as results:
        for result in results:
            yield outcome_of(result)


def outcome_of(result: Made | Crashed) -> Outcome:
    """Return what becomes of a clip, where its workers may have died."""
    if isinstance(result, Crashed):
        return Rejection(Reason.UNREADABLE, result.detail)
    assert isinstance(result, Clip | Rejection)
    return result


def counted(outcomes: Iterable[Outcome], count_clips: CountSteps) -> Iterator[Outcome]:
    """Yield outcomes, and count each."""
    for outcome in outcomes:
        count_clips(1)
        yield outcome


def prepare_outcome(job: ClipJob) -> Outcome:
    """Return what becomes of one clip: only what an earlier run lacks is computed."""
    if isinstance(job.earlier, Rejection):
        return job.earlier
    if job.earlier is not None:
        return add_crops(job.task, job.earlier, job.settings)
    return prepare_clip(job.task, job.settings)


def clip_jobs(job: BatchJob) -> Iterator[ClipJob]:
    """Yield the clips of a batch for workers."""
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
