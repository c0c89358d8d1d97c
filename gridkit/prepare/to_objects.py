"""A corpus made on an object store: `gridkit prepare s3://BUCKET/PREFIX`.

Batches are made in a scratch folder. Each shard is one PUT under the name that it keeps, then its
manifest rows, then its record: a batch is finished when its record is there. The run's outline and
its records are all that a later run, or `gridkit merge`, fetches. Everything else of the corpus is
small, and put at the end, `corpus.json` last: without it, what is there is not a corpus.

A finished corpus is not changed, as nothing on an object store changes at once with something else:
other settings go to another prefix.
"""

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gridkit.compute.cache import cache_folder
from gridkit.compute.executor import Executor
from gridkit.errors import CorpusError, InputError
from gridkit.prepare.earlier import EMPTY_BATCHES, OWN_FILES
from gridkit.prepare.finish import Run, finish_corpus
from gridkit.prepare.outline import (
    RUN_FOLDER,
    RUN_ID,
    Outline,
    stored_run_id,
    write_outline,
)
from gridkit.prepare.pipeline import Part, Request, make_batches, merge_run, plan_run
from gridkit.storage.lock import LOCK_NAME, ObjectLock, object_lock
from gridkit.storage.objects import ObjectFolder
from gridkit.storage.problems import ObjectExistsError
from gridkit.store.corpus_file import CORPUS_NAME, STATE_FOLDER, CorpusFile, read_corpus_file

FETCHED_AT_ONCE = 16

Say = Callable[[str], None]


def prepare_on_objects(
    request: Request,
    objects: ObjectFolder,
    say: Say = lambda _: None,
    executor: Executor | None = None,
) -> CorpusFile:
    """Make or finish a corpus on an object store.

    Args:
        request: what is asked for; its folder does not count.
        objects: where.
        say: as of `prepare_corpus`.
        executor: as of `prepare_corpus`.

    Raises:
        LockedError: another run works there, or has taken over.
        InputError: a finished corpus of other settings is there; or as `plan_run`.
        WorkFailedError: a batch could not be made; the others are.
        StorageError, DiskFullError, EnvironmentProblem: writing failed; what is finished is kept.
    """
    with object_lock(objects) as lock, _scratch() as folder:
        finished = _finished(objects, folder)
        _fetch_state(objects, folder)
        run = plan_run(replace(request, folder=folder, objects=objects))
        if finished is not None:
            _check_same(finished, run.outline, objects)
            _remove_state(objects)
            return finished
        _put_outline(objects, run)
        for note in run.outline.notes:
            say(note)
        corpus = finish_corpus(run, make_batches(run, request.workers, executor))
        _publish(objects, folder, corpus, lock)
        return corpus


def prepare_part_on_objects(
    request: Request,
    part: Part,
    objects: ObjectFolder,
    say: Say = lambda _: None,
    executor: Executor | None = None,
) -> int:
    """Make one part of the batches of a corpus on an object store; see `prepare_part`.

    Returns:
        How many batches the part has.

    Raises:
        InputError: another run is under way there, or a finished corpus is there.
        LockedError, WorkFailedError, StorageError, DiskFullError, EnvironmentProblem: as
            `prepare_on_objects`.
    """
    name = f"{LOCK_NAME}-{part.number}-of-{part.of}"
    with object_lock(objects, name), _scratch() as folder:
        if objects.find(CORPUS_NAME) is not None:
            raise InputError(f"{objects.address} holds a finished corpus; name another prefix")
        _fetch_state(objects, folder)
        run = plan_run(replace(request, folder=folder, objects=objects), part.takes)
        _put_outline(objects, run, part.of)
        for note in run.outline.notes:
            say(note)
        make_batches(run, request.workers, executor)
        return len(run.finished) + len(run.jobs)


def merge_on_objects(objects: ObjectFolder) -> CorpusFile:
    """Put a corpus together of the batches on an object store; a finished one stays as it is.

    Raises:
        LockedError: a run works there.
        CorpusError: there is no run, or batches are missing; the message says of which parts.
        StorageError, DiskFullError, EnvironmentProblem: writing failed; call again to finish.
    """
    with object_lock(objects) as lock, _scratch() as folder:
        finished = _finished(objects, folder)
        if finished is not None:
            _remove_state(objects)
            return finished
        _fetch_state(objects, folder)
        if stored_run_id(objects) is None:
            raise CorpusError(f"{objects.address} holds no run of gridkit prepare; start one")
        corpus = merge_run(folder, objects)
        _publish(objects, folder, corpus, lock)
        return corpus


@contextmanager
def _scratch() -> Iterator[Path]:
    place = cache_folder() / "scratch"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


def _finished(objects: ObjectFolder, folder: Path) -> CorpusFile | None:
    """Return the finished corpus that is there, None where there is none."""
    try:
        content = objects.read(CORPUS_NAME)
    except FileNotFoundError:
        return None
    place = folder / "finished"
    place.mkdir()
    (place / CORPUS_NAME).write_bytes(content)
    return read_corpus_file(place)


def _fetch_state(objects: ObjectFolder, folder: Path) -> None:
    """Bring what runs have left to the scratch folder: records, rows and the outline."""
    names = [entry.name for entry in objects.list(STATE_FOLDER)]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
        for _ in pool.map(lambda name: objects.fetch(name, folder / name), names):
            pass


def _put_outline(objects: ObjectFolder, run: Run, parts: int | None = None) -> None:
    """Put the outline of a run, its id last; parts of a run have to agree on it.

    Raises:
        InputError: parts of another run are there.
    """
    there = stored_run_id(objects)
    if there == run.outline.id:
        return
    if there is not None and parts is None:
        objects.remove([RUN_ID])
    elif there is not None:
        raise _another_run(objects)
    write_outline(run.folder, run.outline, parts)
    files = [path for path in (run.folder / RUN_FOLDER).rglob("*") if path.is_file()]
    for path in files:
        name = path.relative_to(run.folder).as_posix()
        if name != RUN_ID:
            objects.write(name, path.read_bytes())
    try:
        objects.create(RUN_ID, run.outline.id.encode())
    except ObjectExistsError:
        if stored_run_id(objects) != run.outline.id:
            raise _another_run(objects) from None


def _another_run(objects: ObjectFolder) -> InputError:
    return InputError(
        f"{objects.address} holds an unfinished run with another source, other settings or another "
        "gridkit; give the settings of that run, finish it (gridkit merge), or name another prefix"
    )


def _check_same(finished: CorpusFile, outline: Outline, objects: ObjectFolder) -> None:
    """Refuse to change a finished corpus.

    Raises:
        InputError: the run would make another one.
    """
    keys = {shard: entry.key for shard, entry in finished.shards.items()}
    keys |= finished.settings.get(EMPTY_BATCHES, {})
    planned = {shard: str(batch.key) for shard, batch in outline.batches.items()}
    if keys != planned or list(finished.profiles) != list(outline.profiles):
        raise InputError(
            f"{objects.address} holds a finished corpus of another source or other settings; on an "
            "object store it is not changed: name another prefix"
        )


def _publish(objects: ObjectFolder, folder: Path, corpus: CorpusFile, lock: ObjectLock) -> None:
    """Put what describes a corpus, `corpus.json` last, and remove what is not part of it."""
    lists = [path.relative_to(folder).as_posix() for path in folder.glob("splits/*.tsv")]
    for name in (*sorted(lists), *(name for name in OWN_FILES if (folder / name).is_file())):
        lock.check()
        objects.write(name, (folder / name).read_bytes())
    shards = {entry.name for entry in objects.list("data")}
    lock.check()
    objects.remove(sorted(shards - set(corpus.shards)))
    objects.write(CORPUS_NAME, (folder / CORPUS_NAME).read_bytes())
    _remove_state(objects)


def _remove_state(objects: ObjectFolder) -> None:
    objects.remove([entry.name for entry in objects.list(STATE_FOLDER)])
