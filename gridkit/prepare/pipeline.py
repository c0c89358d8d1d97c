"""From a source to a prepared corpus: plan, make batch by batch, finish.

The run can be killed at any moment. Started again, it finds its finished batches and makes the
others; the result is byte-identical to that of an unbroken run, with any number of processes, on
any number of machines.
"""

import hashlib
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from gridkit.compute.executor import CountSteps, Crashed, Executor
from gridkit.compute.local import Workers
from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.corpus.splits import Split, builtin_splits
from gridkit.errors import CorpusError, WorkFailedError
from gridkit.prepare import PRELOAD
from gridkit.prepare.batch import (
    BatchJob,
    BatchUnit,
    ClipJob,
    FailedBatch,
    Outcome,
    Unit,
    clip_jobs,
    contain,
    make_batch,
    outcome_of,
    share_out,
    work,
)
from gridkit.prepare.clip import Settings
from gridkit.prepare.earlier import earlier_corpus
from gridkit.prepare.finish import Run, finish_corpus, landmarks_description, put_together
from gridkit.prepare.journal import PIPELINE_VERSION, BatchKey, FinishedBatch, Journal, Record
from gridkit.prepare.outline import (
    Outline,
    Place,
    PlannedBatch,
    check_same_run,
    read_outline,
    running_id,
    write_outline,
)
from gridkit.prepare.plan import Batch, make_plan
from gridkit.prepare.sources import scan
from gridkit.storage.objects import ObjectFolder
from gridkit.store.corpus_file import CORPUS_NAME, CorpusFile, read_corpus_file
from gridkit.store.schema import LAYOUT
from gridkit.store.summary import subsets_by_id


@dataclass(frozen=True)
class Request:
    """What a run of prepare is asked for."""

    folder: Path
    """The folder of the corpus."""
    source: Path
    """Folder with archives or clips."""
    source_name: str
    """What the corpus calls its source: `zenodo`, `sheffield`, `synthetic`, a folder's name."""
    settings: Settings
    speakers: tuple[str, ...] = ()
    """Empty: all."""
    alignments: Path | None = None
    """Archive or folder with alignments outside the source, which come first."""
    imported_splits: tuple[Split, ...] = ()
    workers: int = 1
    alignment_units_per_s: int | None = None
    """Of the times in alignments; None: ticks, and other units are refused where they show."""
    objects: ObjectFolder | None = None
    """Where a corpus on an object store is made; `folder` is a scratch folder then."""


class Part(NamedTuple):
    """One of several parts of a run, which a person's own scheduler runs."""

    number: int
    """1 is the first."""
    of: int

    def takes(self, index: int) -> bool:
        """Return whether a batch, by its place in the plan, belongs to this part."""
        return index % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def prepare_corpus(
    request: Request,
    say: Callable[[str], None] = lambda _: None,
    executor: Executor | None = None,
) -> CorpusFile:
    """Make, extend or finish a prepared corpus.

    Profiles of an earlier run in the same folder stay: a run with another profile adds it,
    without detecting faces again.

    Args:
        request: what is asked for.
        say: called, before anything is decoded, with each sentence on the source that a person
            should read.
        executor: where batches are made; None: in processes of this machine.

    Raises:
        LockedError: another run works in the folder.
        InputError, CorpusError: as `plan_run`.
        WorkFailedError: a batch could not be made; the others are.
        DiskFullError, EnvironmentProblem: writing failed; what is finished is kept.
    """
    with folder_lock(request.folder):
        run = plan_run(request)
        write_outline(run.folder, run.outline)
        for note in run.outline.notes:
            say(note)
        return finish_corpus(run, make_batches(run, request.workers, executor))


def prepare_part(
    request: Request,
    part: Part,
    say: Callable[[str], None] = lambda _: None,
    executor: Executor | None = None,
) -> int:
    """Make one part of the batches of a corpus; `merge_corpus` puts the parts together.

    Parts may be made at the same time, by machines that share the folder.

    Returns:
        How many batches the part has, those that were finished already among them.

    Raises:
        InputError: the folder holds an unfinished run with other settings; or as `plan_run`.
        LockedError, WorkFailedError, DiskFullError, EnvironmentProblem: as `prepare_corpus`.
    """
    with folder_lock(request.folder, shared=True):
        run = plan_run(request, part.takes)
        check_same_run(run.folder, run.outline)
        write_outline(run.folder, run.outline, part.of)
        for note in run.outline.notes:
            say(note)
        journal = Journal(run.folder)
        for batch in run.finished:
            if journal.record(batch.shard) is None:
                journal.adopt(batch, run.outline.split_names)
        make_batches(run, request.workers, executor)
        return len(run.finished) + len(run.jobs)


def merge_corpus(folder: Path) -> CorpusFile:
    """Put a corpus together of the batches that the parts of a run have made.

    May be called any number of times: a corpus that is finished stays as it is.

    Raises:
        LockedError: a run works in the folder.
        CorpusError: there is no run, or batches are missing; the message says of which parts.
        DiskFullError, EnvironmentProblem: writing failed; call again to finish.
    """
    if running_id(folder) is None and not (folder / CORPUS_NAME).is_file():
        read_outline(folder)  # says so; a lock would leave its file in a folder that was mistyped
    with folder_lock(folder):
        if running_id(folder) is None and (folder / CORPUS_NAME).is_file():
            return read_corpus_file(folder)
        return merge_run(folder)


def merge_run(folder: Path, objects: ObjectFolder | None = None) -> CorpusFile:
    """Put a corpus together of the batches of a run; whoever calls it holds the lock.

    Raises:
        CorpusError, DiskFullError, EnvironmentProblem: as `merge_corpus`.
    """
    where = folder if objects is None else objects.address
    outline, parts = read_outline(folder)
    journal = Journal(folder, objects)
    records = {shard: journal.record(shard) for shard in outline.shards}
    finished = [
        journal.with_rows(record)
        for shard, record in records.items()
        if record is not None and record.key == outline.batches[shard].key
    ]
    there = [batch for batch in finished if batch.sha256 is None or batch.file]
    if len(there) < len(outline.shards):
        raise CorpusError(_what_is_missing(where, outline, there, parts))
    try:
        return put_together(folder, outline, finished, objects)
    except CorpusError as error:
        # rows are read there for the first time: what is damaged has to be made again
        good = [batch for batch in there if batch.has_rows]
        if len(good) == len(there):
            raise
        raise CorpusError(_what_is_missing(where, outline, good, parts)) from error


def _what_is_missing(
    where: object, outline: Outline, there: Sequence[FinishedBatch], parts: int | None
) -> str:
    found = {batch.shard for batch in there}
    missing = [i for i, shard in enumerate(outline.shards) if shard not in found]
    clips = sum(outline.batches[outline.shards[index]].clips for index in missing)
    if parts is None:
        again = "give the same gridkit prepare command again"
    else:
        numbers = sorted({index % parts + 1 for index in missing})
        again = f"start again: --shard {', '.join(f'{n}/{parts}' for n in numbers[:8])}"
        again += f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return (
        f"{where} is not complete: {len(missing)} of {len(outline.shards)} batches "
        f"({clips} clips) are missing, the first is {outline.shards[missing[0]]}; {again}"
    )


def plan_run(request: Request, takes: Callable[[int], bool] = lambda _index: True) -> Run:
    """Decide which batches have to be made; what earlier runs made stays as far as it is valid.

    Args:
        request: what is asked for.
        takes: whether a batch, by its place in the plan, concerns the caller; others are in the
            outline alone.

    Raises:
        InputError: the source cannot be used, or lacks what the corpus in the folder holds; the
            folder holds files of someone else that would be replaced.
        CorpusError: the corpus in the folder was made by a newer gridkit.
    """
    earlier = earlier_corpus(request.folder)
    earlier.check_nothing_is_foreign()
    settings = earlier.extended(request.settings)
    # as other machines find it, whatever their working folder is
    source = scan(Path.cwd() / request.source, request.alignments)
    plan = make_plan(source, request.source_name, request.speakers, request.alignment_units_per_s)
    earlier.check_nothing_is_dropped(plan)
    imported = earlier.with_imported_splits(request.imported_splits)
    splits = (*builtin_splits(plan.ids), *imported)
    names = tuple(split.name for split in splits)
    journal = Journal(request.folder, request.objects)
    finished: list[FinishedBatch] = []
    jobs: list[BatchJob] = []
    keys: dict[str, BatchKey] = {}
    for index, batch in enumerate(plan.batches):
        subsets = subsets_by_id(splits, [task.id for task in batch.tasks])
        keys[batch.shard] = key = batch_key(batch, settings, subsets)
        if not takes(index):
            continue
        known = journal.finished(batch.shard) or earlier.finished(batch)
        if known is not None and known.key == key:
            finished.append(known)
        else:
            # what is on an object store is not fetched to save a part of the work
            reusable = known if request.objects is None else None
            jobs.append(BatchJob(batch, key, settings, subsets, names, reusable))
    outline = Outline(
        request.source_name,
        {profile.name: asdict(profile) for profile in settings.profiles},
        settings.lossless,
        landmarks_description(settings.landmark_model),
        {batch.shard: PlannedBatch(keys[batch.shard], len(batch.tasks)) for batch in plan.batches},
        plan.rejected,
        imported,
        source.ignored,
        plan.misfiled_alignments,
        plan.notes,
        plan.unlisted_folders,
    )
    return Run(request.folder, outline, tuple(finished), tuple(jobs), request.objects)


def batch_key(
    batch: Batch, settings: Settings, subsets: Mapping[str, Mapping[str, str | None]]
) -> BatchKey:
    """Return the hashes of all that decides the bytes of a batch."""
    clips = [(t.file.key, t.file.size_bytes, t.file.stamp, t.id, t.words) for t in batch.tasks]
    return BatchKey(
        _digest(PIPELINE_VERSION, settings.landmark_model.sha256, clips),
        {
            profile.name: _digest(PIPELINE_VERSION, profile, settings.lossless)
            for profile in settings.profiles
        },
        _digest(LAYOUT, [sorted(subsets[task.id].items()) for task in batch.tasks]),
    )


def make_batches(run: Run, workers: int, executor: Executor | None) -> list[Record]:
    """Make the batches of a run, wherever.

    Raises:
        WorkFailedError: one could not be made; the others are.
    """
    if run.jobs:
        threading.Thread(target=_load_datasets).start()
    total = sum(len(job.batch.tasks) for job in run.jobs)
    made: list[Record] = []
    failed: list[FailedBatch] = []
    with (
        Workers(workers, preload=PRELOAD) as here,
        Progress("prepare", total) as progress,
        closing(_results(run, executor or here, progress.advance)) as results,
    ):
        for result in results:
            if isinstance(result, Record):
                made.append(result)
            else:
                failed.append(result)
    if failed:
        raise WorkFailedError(_what_failed(run, failed))
    return made


def _load_datasets() -> None:
    """Import what describes columns while batches are made: it takes most of a second.

    An end before that, by Ctrl-C for example, waits for it.
    """
    with suppress(Exception):  # who needs it says what is wrong
        import_module("datasets")


def _results(
    run: Run, executor: Executor, count_clips: CountSteps
) -> Generator[Record | FailedBatch, None, None]:
    """Yield what becomes of each batch, as they come."""
    whole, shared = share_out(run.jobs, executor)
    place = Place(run.folder.resolve(), run.outline.id, run.objects)
    units: Iterator[Unit] = chain(
        (BatchUnit(job, place) for job in whole),
        (clip for job in shared for clip in clip_jobs(job)),
    )
    batches = _SharedBatches(shared, run.folder, run.objects)
    with closing(executor.run(work, units, count_clips, contain)) as results:
        for unit, result in results:
            if isinstance(unit, ClipJob):
                count_clips(1)
                yield from batches.take(unit, outcome_of(result))
            elif isinstance(result, Crashed):
                yield FailedBatch(unit.job.batch.shard, result.detail)
            elif isinstance(result, Record | FailedBatch):
                yield result


class _SharedBatches:
    """Batches whose clips arrive one by one, in any order; each is written when it is complete."""

    def __init__(self, jobs: Sequence[BatchJob], folder: Path, objects: ObjectFolder | None):
        self._folder, self._objects = folder, objects
        self._job_of = {task.id: job for job in jobs for task in job.batch.tasks}
        self._arrived: dict[str, dict[str, Outcome]] = {job.batch.shard: {} for job in jobs}

    def take(self, clip: ClipJob, outcome: Outcome) -> Iterator[Record | FailedBatch]:
        """Take what became of a clip; yield the batch, if this was its last one."""
        job = self._job_of[clip.task.id]
        arrived = self._arrived[job.batch.shard]
        arrived[clip.task.id] = outcome
        if len(arrived) == len(job.batch.tasks):
            del self._arrived[job.batch.shard]
            in_order = [arrived[task.id] for task in job.batch.tasks]
            yield make_batch(job, self._folder, in_order, self._objects)


def _what_failed(run: Run, failed: Sequence[FailedBatch]) -> str:
    tasks = {job.batch.shard: job.batch.tasks for job in run.jobs}
    clips = tasks[failed[0].shard]
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return (
        f"{failed[0].shard}{others} could not be made, clips {clips[0].id} to {clips[-1].id}: "
        f"{failed[0].why}; the other batches are finished: give the command again to try it again"
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
