"""From a source to a prepared corpus: plan, make batch by batch, finish.

The run can be killed at any moment. Started again, it finds its finished batches and makes the
others; the result is byte-identical to that of an unbroken run, with any number of processes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from gridkit.compute.lock import folder_lock
from gridkit.compute.progress import Progress
from gridkit.corpus.splits import Split, builtin_splits
from gridkit.prepare.batch import BatchJob, make_batch, prepare_clips
from gridkit.prepare.clip import Settings
from gridkit.prepare.earlier import earlier_corpus
from gridkit.prepare.finish import Run, finish_corpus
from gridkit.prepare.journal import PIPELINE_VERSION, BatchKey, FinishedBatch, Journal
from gridkit.prepare.plan import Batch, make_plan
from gridkit.prepare.sources import scan
from gridkit.store.corpus_file import CorpusFile
from gridkit.store.schema import LAYOUT
from gridkit.store.summary import subsets_by_id

Item = TypeVar("Item")


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


def prepare_corpus(request: Request, say: Callable[[str], None] = lambda _: None) -> CorpusFile:
    """Make, extend or finish a prepared corpus.

    Profiles of an earlier run in the same folder stay: a run with another profile adds it,
    without detecting faces again.

    Args:
        request: what is asked for.
        say: called, before anything is decoded, with each sentence on the source that a person
            should read.

    Raises:
        LockedError: another run works in the folder.
        InputError, CorpusError: as `plan_run`.
        DiskFullError, EnvironmentProblem: writing failed; what is finished is kept.
    """
    with folder_lock(request.folder):
        run = plan_run(request)
        for note in run.plan.notes:
            say(note)
        return finish_corpus(run, list(_make_batches(run, request.workers)))


def plan_run(request: Request) -> Run:
    """Decide which batches have to be made; what earlier runs made stays as far as it is valid.

    Raises:
        InputError: the source cannot be used, or lacks what the corpus in the folder holds; the
            folder holds files of someone else that would be replaced.
        CorpusError: the corpus in the folder was made by a newer gridkit.
    """
    earlier = earlier_corpus(request.folder)
    earlier.check_nothing_is_foreign()
    settings = earlier.extended(request.settings)
    source = scan(request.source, request.alignments)
    plan = make_plan(source, request.source_name, request.speakers, request.alignment_units_per_s)
    earlier.check_nothing_is_dropped(plan)
    splits = (
        *builtin_splits(plan.ids),
        *earlier.with_imported_splits(request.imported_splits),
    )
    names = tuple(split.name for split in splits)
    journal = Journal(request.folder)
    finished: list[FinishedBatch] = []
    jobs: list[BatchJob] = []
    for batch in plan.batches:
        subsets = subsets_by_id(splits, [task.id for task in batch.tasks])
        key = batch_key(batch, settings, subsets)
        known = journal.finished(batch.shard) or earlier.finished(batch)
        if known is not None and known.key == key:
            finished.append(known)
        else:
            jobs.append(BatchJob(batch, key, settings, subsets, names, known))
    return Run(
        request.folder,
        request.source_name,
        settings,
        plan,
        splits,
        source.ignored,
        tuple(finished),
        tuple(jobs),
    )


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


def _make_batches(run: Run, workers: int) -> Iterator[FinishedBatch]:
    """Make the batches in order, their clips prepared ahead by all workers together."""
    total = sum(len(job.batch.tasks) for job in run.jobs)
    outcomes = prepare_clips(run.jobs, workers=workers)
    with Progress("prepare", total) as progress, closing(outcomes):
        for job in run.jobs:
            own = islice(outcomes, len(job.batch.tasks))
            yield make_batch(job, run.folder, _counted(own, progress))


def _counted(items: Iterable[Item], progress: Progress) -> Iterator[Item]:
    for item in items:
        progress.advance()
        yield item


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
