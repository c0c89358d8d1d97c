"""A batch made by itself: anywhere, in any order, the corpus has the same bytes."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from gridkit.corpus.records import Reason
from gridkit.prepare.batch import BatchJob, ClipJob, Outcome, make_batch, prepare_outcome
from gridkit.prepare.finish import Run, finish_corpus
from gridkit.prepare.journal import Journal, Record
from gridkit.prepare.pipeline import Request, plan_run
from gridkit.prepare.request import make_settings
from gridkit.store.reader import open_corpus
from gridkit.store.shards import read_shard


def run_of(folder: Path, source: Path, crops: tuple[str, ...] = ()) -> Run:
    return plan_run(Request(folder, source, "talking", make_settings(crops)))


def make_elsewhere(job: BatchJob, folder: Path) -> tuple[int, Record]:
    """Make a batch in a process of its own that knows nothing but the job."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        return other.submit(os.getpid).result(), other.submit(make_batch, job, folder).result()


def test_batches_made_in_other_processes_in_any_order_give_the_same_corpus(
    prepared, talking, tmp_path, hashes
) -> None:
    folder = tmp_path / "corpus"
    run = run_of(folder, talking)
    assert [job.batch.shard for job in run.jobs] == [
        "data/x1-00000.parquet",
        "data/x2-00000.parquet",
    ]
    made = [make_elsewhere(job, folder) for job in reversed(run.jobs)]
    assert len({os.getpid(), *(process for process, _ in made)}) == 3
    corpus = finish_corpus(run, [batch for _, batch in made])
    assert hashes(folder) == hashes(prepared)
    assert list(corpus.shards) == list(open_corpus(prepared).file.shards)


def test_a_batch_made_elsewhere_counts_as_finished_for_the_next_run(
    prepared, talking, tmp_path, prepare, hashes
) -> None:
    folder = tmp_path / "corpus"
    last = run_of(folder, talking).jobs[-1]
    made = make_batch(last, folder)
    run = run_of(folder, talking)
    assert run.finished == (Journal(folder).with_rows(made),)
    assert [row.id for row in run.finished[0].rows] == [task.id for task in last.batch.tasks]
    assert [job.batch.shard for job in run.jobs] == ["data/x1-00000.parquet"]
    prepare(folder, talking)
    assert hashes(folder) == hashes(prepared)


def test_a_batch_made_elsewhere_keeps_the_crops_of_the_corpus(
    prepared, talking, tmp_path, prepare, hashes
) -> None:
    folder, at_once = tmp_path / "corpus", tmp_path / "at-once"
    prepare(folder, talking)
    run = run_of(folder, talking, ("lipnet",))
    finish_corpus(run, [make_batch(job, folder) for job in run.jobs])
    prepare(at_once, talking, crops=("mouth96", "lipnet"))
    assert hashes(folder) == hashes(at_once)


def die_on(code: str, job: ClipJob) -> Outcome:
    """Stand for a decoder that kills its process on one clip."""
    if job.task.code == code:
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare_outcome(job)


def test_a_clip_that_kills_its_worker_is_rejected_and_its_batch_is_made(
    prepared, talking, tmp_path, monkeypatch
) -> None:
    job = run_of(tmp_path / "corpus", talking).jobs[0]
    deadly = job.batch.tasks[1]
    monkeypatch.setattr("gridkit.prepare.batch.prepare_outcome", partial(die_on, deadly.code))
    record = make_batch(job, tmp_path / "corpus")
    made = Journal(tmp_path / "corpus").with_rows(record)
    assert [(row.id, row.detail) for row in made.rows if row.reason is Reason.UNREADABLE] == [
        (deadly.id, "the process that worked on it died, twice")
    ]
    assert made.file is not None
    whole = {clip.id: clip.crops for clip in read_shard(prepared / job.batch.shard)}
    kept = {clip.id: clip.crops for clip in read_shard(made.file)}
    assert kept == {clip: crops for clip, crops in whole.items() if clip != deadly.id}


def test_a_corpus_is_not_finished_while_a_batch_is_missing(talking, tmp_path) -> None:
    folder = tmp_path / "corpus"
    run = run_of(folder, talking)
    with pytest.raises(KeyError, match="x2-00000"):
        finish_corpus(run, [make_batch(run.jobs[0], folder)])
    assert not (folder / "corpus.json").exists()
