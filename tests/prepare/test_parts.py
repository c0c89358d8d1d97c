"""Parts of a run, made by themselves, and put together: the bytes of one run."""

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.executors import Here

from gridkit.cli.prepare import command as prepare_command
from gridkit.compute.executor import CountSteps
from gridkit.compute.local import Workers
from gridkit.compute.lock import folder_lock
from gridkit.corpus.records import Reason
from gridkit.corpus.splits import import_split
from gridkit.errors import CorpusError, EnvironmentProblem, InputError, LockedError, WorkFailedError
from gridkit.prepare import batch as batch_module
from gridkit.prepare.batch import (
    BatchJob,
    BatchUnit,
    Unit,
    clip_jobs,
    contain,
    make_batch,
    prepare_outcome,
    share_out,
    work,
)
from gridkit.prepare.journal import Journal
from gridkit.prepare.outline import Place, read_outline, write_outline
from gridkit.prepare.pipeline import Part, Request, merge_corpus, plan_run, prepare_part
from gridkit.prepare.request import make_settings
from gridkit.store.reader import open_corpus


def request_of(folder: Path, source: Path, crops: tuple[str, ...] = (), **more: object) -> Request:
    return Request(folder, source, "talking", make_settings(crops), **more)


def make_here(job: BatchJob, folder: Path) -> None:
    make_batch(job, folder, map(prepare_outcome, clip_jobs(job)))


def test_parts_in_any_order_give_the_bytes_of_one_run(prepared, talking, tmp_path, hashes) -> None:
    folder = tmp_path / "corpus"
    request = request_of(folder, talking)
    assert [prepare_part(request, Part(number, 2), executor=Here()) for number in (2, 1)] == [1, 1]
    merged = merge_corpus(folder)
    assert hashes(folder) == hashes(prepared)
    assert merge_corpus(folder).shards == merged.shards
    assert hashes(folder) == hashes(prepared)
    assert not (folder / ".gridkit").exists()


def test_what_is_missing_is_said_by_part(talking, tmp_path) -> None:
    folder = tmp_path / "corpus"
    prepare_part(request_of(folder, talking), Part(1, 3), executor=Here())
    with pytest.raises(CorpusError) as caught:
        merge_corpus(folder)
    assert str(caught.value) == (
        f"{folder} is not complete: 1 of 2 batches (4 clips) are missing, the first is "
        "data/x2-00000.parquet; start again: --shard 2/3"
    )
    assert not (folder / "corpus.json").exists()


def test_a_corpus_is_extended_by_parts(talking, tmp_path, prepare, hashes) -> None:
    mine = import_split("mine", {"train": "x1/bbaf2n\ns1/bbaf2n", "test": "s2/bbaf1n"})
    folder = tmp_path / "corpus"
    prepare(folder, talking, speakers=("x1",), imported_splits=(mine,), executor=Here())
    request = request_of(folder, talking)
    for number in (1, 2):
        prepare_part(request, Part(number, 2), executor=Here())
    merge_corpus(folder)
    prepare(tmp_path / "at-once", talking, imported_splits=(mine,), executor=Here())
    assert hashes(folder) == hashes(tmp_path / "at-once")


def test_merge_ends_a_run_that_was_killed_before_its_end(
    prepared, talking, tmp_path, hashes
) -> None:
    folder = tmp_path / "corpus"
    run = plan_run(request_of(folder, talking))
    write_outline(folder, run.outline)
    make_here(run.jobs[0], folder)
    with pytest.raises(CorpusError, match="give the same gridkit prepare command again"):
        merge_corpus(folder)
    make_here(run.jobs[1], folder)
    merge_corpus(folder)
    assert hashes(folder) == hashes(prepared)


def test_parts_of_other_settings_are_refused(talking, tmp_path) -> None:
    folder = tmp_path / "corpus"
    prepare_part(request_of(folder, talking), Part(1, 2), executor=Here())
    with pytest.raises(InputError, match="holds an unfinished run with another source, other set"):
        prepare_part(request_of(folder, talking, ("lipnet",)), Part(2, 2))
    with pytest.raises(InputError, match="unfinished run"):
        prepare_part(request_of(folder, talking, speakers=("x2",)), Part(1, 1))
    with pytest.raises(CorpusError, match="shard 2/2"):
        merge_corpus(folder)


def test_parts_work_beside_each_other_and_not_beside_a_whole_run(talking, tmp_path) -> None:
    folder = tmp_path / "corpus"
    with folder_lock(folder, shared=True):
        prepare_part(request_of(folder, talking), Part(2, 2), executor=Here())
        with pytest.raises(LockedError):
            merge_corpus(folder)
    with folder_lock(folder), pytest.raises(LockedError):
        prepare_part(request_of(folder, talking), Part(1, 2))


def test_a_folder_without_a_run_cannot_be_merged_and_stays_as_it_is(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "mistyped"):
        with pytest.raises(CorpusError, match="holds no run of gridkit prepare"):
            merge_corpus(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


@pytest.mark.parametrize("file", ["batches/x2-00000.json", "batches/x2-00000.parquet"])
def test_a_batch_whose_record_or_rows_are_damaged_is_made_again(
    file, prepared, talking, tmp_path, hashes
) -> None:
    folder = tmp_path / "corpus"
    request = request_of(folder, talking)
    for number in (1, 2):
        prepare_part(request, Part(number, 2), executor=Here())
    os.truncate(folder / ".gridkit" / file, 40)
    with pytest.raises(CorpusError, match=r"1 of 2 batches .* start again: --shard 2/2$"):
        merge_corpus(folder)
    prepare_part(request, Part(2, 2), executor=Here())
    merge_corpus(folder)
    assert hashes(folder) == hashes(prepared)


def test_a_shard_that_was_altered_is_made_again(prepared, talking, tmp_path, hashes) -> None:
    folder = tmp_path / "corpus"
    request = request_of(folder, talking)
    for number in (1, 2):
        prepare_part(request, Part(number, 2), executor=Here())
    shard = folder / ".gridkit" / "data" / "x2-00000.parquet"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # of the same size
    prepare_part(request, Part(2, 2), executor=Here())
    merge_corpus(folder)
    assert hashes(folder) == hashes(prepared)


@pytest.mark.parametrize("file", ["run.json", "rejected.jsonl", "splits/mine.tsv"])
def test_a_damaged_outline_is_written_again(file, talking, tmp_path) -> None:
    mine = import_split("mine", {"train": "x1/bbaf2n\ns1/bbaf2n", "test": "s2/bbaf1n"})
    folder = tmp_path / "corpus"
    request = request_of(folder, talking, imported_splits=(mine,))
    prepare_part(request, Part(1, 2), executor=Here())
    outline = read_outline(folder)
    damaged = folder / ".gridkit" / "run" / file
    damaged.write_bytes(b"{" + damaged.read_bytes()[:40])
    with pytest.raises(CorpusError, match="run is damaged; give the gridkit prepare command"):
        merge_corpus(folder)
    prepare_part(request, Part(1, 2), executor=Here())
    assert read_outline(folder) == outline


def test_two_attempts_at_a_batch_do_not_disturb_each_other(
    prepared, talking, tmp_path, hashes, monkeypatch
) -> None:
    """One is stopped half-way, as on a machine that froze, and ends when the other has ended."""
    folder = tmp_path / "corpus"
    run = plan_run(request_of(folder, talking))
    write_outline(folder, run.outline)
    real, frozen = Journal.commit, []

    def freeze(journal, shard, *rest):
        if not frozen:
            frozen.append(shard)
            work(BatchUnit(run.jobs[0], Place(folder, run.outline.id)), lambda _steps: None)
        return real(journal, shard, *rest)

    monkeypatch.setattr(Journal, "commit", freeze)
    for job in run.jobs:
        make_here(job, folder)
    merge_corpus(folder)
    assert frozen == ["data/x1-00000.parquet"]
    assert hashes(folder) == hashes(prepared)


def test_a_machine_that_does_not_see_the_folders_is_named(talking, source, tmp_path) -> None:
    folder = tmp_path / "corpus"
    run = plan_run(request_of(folder, source))
    unit = BatchUnit(run.jobs[0], Place(folder, run.outline.id))
    with pytest.raises(EnvironmentProblem, match=f"{os.uname().nodename} does not see the run in"):
        work(unit, lambda _steps: None)
    write_outline(folder, run.outline)
    other = BatchUnit(run.jobs[0], Place(folder, run.outline.id, gridkit_version="0.0.1"))
    with pytest.raises(
        EnvironmentProblem, match=r"has gridkit .*, this run is of 0\.0\.1; install"
    ):
        work(other, lambda _steps: None)
    run.jobs[0].batch.tasks[2].file.file.unlink()
    with pytest.raises(EnvironmentProblem, match=f"{os.uname().nodename} does not see {source}"):
        work(unit, lambda _steps: None)


def kill_on(code: str, unit: Unit, count_steps: CountSteps) -> object:
    """Stand for a decoder that kills its process on one clip; in a worker."""
    batch_module.prepare_outcome = partial(die_on, code)
    return work(unit, count_steps)


def die_on(code: str, job: batch_module.ClipJob) -> batch_module.Outcome:
    if job.task.code == code:
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare_outcome(job)


def test_a_clip_that_kills_a_worker_takes_no_other_with_it(talking, tmp_path) -> None:
    folder = tmp_path / "corpus"
    run = plan_run(request_of(folder, talking))
    write_outline(folder, run.outline)
    deadly = run.jobs[0].batch.tasks[2]
    units = [BatchUnit(job, Place(folder, run.outline.id)) for job in run.jobs]
    counted: list[int] = []
    with Workers(1) as workers:
        runs = workers.run(partial(kill_on, deadly.code), units, counted.append, contain)
        contained = {unit.job.batch.shard: unit.contained for unit, _ in runs}
    assert contained == {"data/x1-00000.parquet": True, "data/x2-00000.parquet": False}
    assert sum(counted) == 8
    merged = merge_corpus(folder)
    assert merged.counts.kept == 7
    rows = {row.id: row.reason for row in open_corpus(folder).manifest if row.reason}
    assert rows == {deadly.id: Reason.UNREADABLE}


def test_a_batch_that_cannot_be_made_is_reported_and_the_rest_is_done(
    talking, tmp_path, source, prepare
) -> None:
    """A clip that was kept can no longer be decoded: it is damaged, and not by its time stamp."""
    folder = tmp_path / "corpus"
    prepare(folder, source, executor=Here())
    victim = next((source / "x1").glob("*.mpg"))
    stamp = victim.stat()
    victim.write_bytes(b"\0" * stamp.st_size)
    os.utime(victim, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(WorkFailedError) as caught:
        prepare(folder, source, crops=("lipnet",), executor=Here())
    says = str(caught.value)
    assert says.startswith("data/x1-00000.parquet could not be made, clips x1/")
    assert f"x1/{victim.name}: was kept before, and can no longer be decoded" in says
    assert Journal(folder).record("data/x2-00000.parquet") is not None
    assert Journal(folder).record("data/x1-00000.parquet") is None


class Cores:
    """Stands for an executor of so many workers."""

    def __init__(self, workers: int, *, is_local: bool = True):
        self.workers, self.is_local = workers, is_local


@pytest.mark.parametrize(
    ("batches", "workers", "whole"), [(2, 4, 0), (5, 2, 2), (340, 16, 320), (3, 1, 3), (1, 2, 0)]
)
def test_the_last_batches_are_shared_by_all_workers(batches, workers, whole) -> None:
    jobs = list(range(batches))
    assert share_out(jobs, Cores(workers)) == (jobs[:whole], jobs[whole:])
    assert share_out(jobs, Cores(workers, is_local=False)) == (jobs, [])


def test_an_outline_is_read_as_it_was_written(source, tmp_path) -> None:
    (source / "s7").mkdir()
    (source / "s7" / "bbaf2n.mpg").write_bytes(b"of s1, by its code")
    mine = import_split("mine", {"train": "x1/bbaf2n", "test": "s2/bbaf1n"})
    request = request_of(
        tmp_path / "corpus", source, ("mouth96", "lipnet"), imported_splits=(mine,)
    )
    outline = plan_run(request).outline
    write_outline(tmp_path / "corpus", outline, 7)
    again, parts = read_outline(tmp_path / "corpus")
    assert (again.shards, again.batches, parts) == (outline.shards, outline.batches, 7)
    assert again.id == outline.id
    assert again.rejected == outline.rejected
    assert [row.reason for row in again.rejected] == [Reason.CODE_MISMATCH]


def test_a_part_says_what_it_made_as_json(talking, tmp_path) -> None:
    folder = tmp_path / "corpus"
    arguments = [str(folder), "--source", str(talking), "--shard", "3/3", "--workers", "1"]
    result = CliRunner().invoke(prepare_command, [*arguments, "--json"])
    assert json.loads(result.stdout) == {"folder": str(folder), "shard": "3/3", "batches": 0}
