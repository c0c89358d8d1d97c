"""A corpus made on an object store has the bytes of one made in a folder, whatever happens."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.executors import Here
from support.s3 import SECRET, backend, objects, use_reader

from gridkit import errors
from gridkit.api.corpus import open_corpus
from gridkit.cli.main import main
from gridkit.errors import ChecksumError, CorpusError, InputError, LockedError, StorageError
from gridkit.prepare.batch import prepare_outcome
from gridkit.prepare.from_hub import local_corpus
from gridkit.prepare.from_objects import cached_source, described_corpus
from gridkit.prepare.pipeline import Part, Request
from gridkit.prepare.request import make_settings, source_folder
from gridkit.prepare.to_objects import (
    merge_on_objects,
    prepare_on_objects,
    prepare_part_on_objects,
)
from gridkit.storage.address import parse_object_address
from gridkit.storage.lock import LOCK_NAME
from gridkit.storage.objects import ObjectFolder, StoredObject
from gridkit.store.info import corpus_info
from gridkit.store.validate import validate

PREFIX = "lab/grid/"
OUTCOMES: dict[object, object] = {}


@pytest.fixture
def folder(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    return ObjectFolder(parse_object_address(f"{s3}/{PREFIX}", "DIR"))


@pytest.fixture(autouse=True)
def each_clip_once(monkeypatch):
    """A clip is prepared once for all tests: they are about what becomes of it then."""

    def once(job):
        key = (job.task.id, job.settings.profiles, job.earlier is None)
        if key not in OUTCOMES:
            OUTCOMES[key] = prepare_outcome(job)
        return OUTCOMES[key]

    monkeypatch.setattr("gridkit.prepare.batch.prepare_outcome", once)


def request_of(source, crops=()):
    return Request(Path(), source, "talking", make_settings(crops))


def stored_hashes():
    """The hashes of a corpus's files, as `hashes` gives them for a folder."""
    content = {name.removeprefix(PREFIX): value for name, value in objects().items()}
    content.pop(LOCK_NAME, None)
    return {name: hashlib.sha256(value).hexdigest() for name, value in content.items()}


def prepare(folder, source, crops=()):
    return prepare_on_objects(request_of(source, crops), folder, executor=Here())


def test_it_has_the_bytes_of_a_folder(folder, talking, prepared, hashes, tmp_path):
    prepare(folder, talking)
    assert stored_hashes() == hashes(prepared)
    assert list((tmp_path / "cache" / "scratch").iterdir()) == []
    before = dict(objects())
    prepare(folder, talking)
    before.pop(PREFIX + LOCK_NAME)
    assert {name: objects()[name] for name in before} == before


@pytest.mark.parametrize("place", range(14))
def test_it_resumes_wherever_it_was_stopped(folder, talking, prepared, hashes, monkeypatch, place):
    """Every write is the last one of a run once; until the end nothing looks like a corpus."""
    written, write, create = [], ObjectFolder.write, ObjectFolder.create

    def stop_before(self, name):
        if LOCK_NAME not in name:
            if len(written) == place:
                raise StorageError("the power went")
            written.append(name)

    def stopping_write(self, name, content):
        stop_before(self, name)
        return write(self, name, content)

    def stopping_create(self, name, content):
        stop_before(self, name)
        return create(self, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(ObjectFolder, "write", stopping_write)
        patch.setattr(ObjectFolder, "create", stopping_create)
        with pytest.raises(StorageError, match="the power went"):
            prepare(folder, talking)
    with pytest.raises(CorpusError, match=r"is not finished|is not a prepared corpus"):
        local_corpus(str(folder.address))
    made = [name for name in written if name.startswith("data/")]
    again = []
    monkeypatch.setattr(
        ObjectFolder,
        "write",
        lambda self, name, content: again.append(name) or write(self, name, content),
    )
    prepare(folder, talking)
    assert stored_hashes() == hashes(prepared)
    recorded = [name for name in written if name.endswith(".json") and "batches" in name]
    assert len([name for name in again if name.startswith("data/")]) == 2 - len(recorded)
    assert len(made) - len(recorded) in (0, 1)


def test_a_killed_process_leaves_nothing_half_visible(folder, talking, prepared, hashes):
    command = [sys.executable, "-m", "gridkit.cli.main", "prepare", str(folder.address)]
    command += ["--source", str(talking), "--workers", "1"]
    run = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
    while not any("/data/" in name for name in objects()):
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert f"{PREFIX}corpus.json" not in objects()
    state = json.loads(objects()[PREFIX + LOCK_NAME])
    assert state["holder"].endswith(f"process {run.pid}")
    backend().put_object("corpora", PREFIX + LOCK_NAME, b'{"holder": null}')
    prepare(folder, talking)
    assert stored_hashes() == hashes(prepared)


def test_parts_on_machines_that_share_the_store_alone(folder, talking, prepared, hashes):
    parts = [Part(number, 2) for number in (2, 1)]
    request = request_of(talking)
    assert prepare_part_on_objects(request, parts[0], folder, executor=Here()) == 1
    with pytest.raises(CorpusError, match=r"is not complete: 1 of 2 batches .* --shard 1/2"):
        merge_on_objects(folder)
    with pytest.raises(InputError, match="holds an unfinished run with another source"):
        prepare_part_on_objects(request_of(talking, ["lipnet"]), parts[1], folder)
    assert prepare_part_on_objects(request, parts[1], folder, executor=Here()) == 1
    merged = merge_on_objects(folder)
    assert hashes(prepared) == {
        name: digest for name, digest in stored_hashes().items() if LOCK_NAME not in name
    }
    assert merge_on_objects(folder).shards == merged.shards


def test_other_settings_on_an_unfinished_run_make_everything_again(folder, talking, prepared):
    prepare_part_on_objects(request_of(talking, ["lipnet"]), Part(1, 2), folder, executor=Here())
    file = prepare(folder, talking)
    assert list(file.profiles) == ["mouth96"]
    assert file.shards == open_corpus(prepared).stored.file.shards


def test_a_finished_corpus_is_not_changed(folder, talking):
    prepare(folder, talking)
    before = stored_hashes()
    with pytest.raises(InputError, match="holds a finished corpus of another source or other"):
        prepare(folder, talking, ["lipnet"])
    with pytest.raises(InputError, match="holds a finished corpus; name another prefix"):
        prepare_part_on_objects(request_of(talking), Part(1, 2), folder)
    assert {n: h for n, h in stored_hashes().items() if LOCK_NAME not in n} == before


@pytest.mark.parametrize("at", ["data/", "preview.png"])
def test_who_lost_the_lock_publishes_nothing_more(folder, talking, monkeypatch, at):
    other = {"holder": "node7, process 41", "since": "2026-01-01T00:00:00+00:00"}
    write = ObjectFolder.write

    def lose(self, name, content):
        if name.startswith(at):
            write(self, LOCK_NAME, json.dumps(other).encode())
        return write(self, name, content)

    monkeypatch.setattr(ObjectFolder, "write", lose)
    with pytest.raises(LockedError, match=r"node7, process 41, since 2026-01-01\S* has taken over"):
        prepare(folder, talking)
    assert f"{PREFIX}corpus.json" not in objects()
    assert (f"{PREFIX}README.md" in objects()) == (at == "preview.png")


def test_nothing_to_merge(folder):
    with pytest.raises(CorpusError, match="holds no run of gridkit prepare"):
        merge_on_objects(folder)


def test_a_credential_that_only_reads(folder, talking, s3_endpoint, monkeypatch):
    use_reader(monkeypatch, s3_endpoint)
    with pytest.raises(StorageError, match="no right to write here") as error:
        prepare(folder, talking)
    assert SECRET not in str(error.value)


def test_a_corpus_is_read_through_the_cache(folder, talking, prepared, hashes, capsys):
    prepare(folder, talking)
    place = local_corpus(str(folder.address))
    assert hashes(place) == hashes(prepared)
    assert local_corpus(str(folder.address)) == place
    corpus = open_corpus(str(folder.address))
    assert len(corpus) == len(open_corpus(prepared))
    assert str(place) in capsys.readouterr().err
    shard = next(iter(corpus.stored.file.shards))
    (place / shard).unlink()
    (place / "corpus.json").unlink()
    folder.write(shard, b"another")
    with pytest.raises(ChecksumError, match=f"{shard} is not the file that corpus.json lists"):
        local_corpus(str(folder.address))
    folder.remove([shard])
    with pytest.raises(CorpusError, match=f"{shard} is missing"):
        local_corpus(str(folder.address))
    folder.write("manifest.parquet", b"another")
    with pytest.raises(ChecksumError, match=r"manifest\.parquet is not the file that corpus"):
        local_corpus(str(folder.address))


def test_info_and_validate_fetch_what_they_need(folder, talking, prepared, tmp_path):
    prepare(folder, talking)
    content, _ = described_corpus(folder, tmp_path / "described")
    (tmp_path / "described" / "corpus.json").write_bytes(content)
    info = corpus_info(tmp_path / "described", folder)
    assert info.column_bytes == corpus_info(prepared).column_bytes
    report = validate(tmp_path / "described", objects=folder)
    assert (report.findings, report.clips) == ((), validate(prepared, decode=False).clips)
    shards = sorted(entry.name for entry in folder.list("data"))
    folder.remove(shards[:1])
    folder.write("data/s9-00000.parquet", b"x")
    found = [str(one) for one in validate(tmp_path / "described", objects=folder).findings]
    assert "data/s9-00000.parquet: not listed in corpus.json; move it away" in found
    assert f"{shards[0]}: missing; give the gridkit prepare command again" in found


def test_source_clips_come_from_a_store(s3, talking, folder):
    source = ObjectFolder(parse_object_address(f"{s3}/clips/talking", "--source"))
    paths = (path for path in talking.rglob("*") if path.is_file() and path.name[0] != ".")
    files = {path.relative_to(talking).as_posix(): path for path in paths}
    for name, path in files.items():
        source.write(name, path.read_bytes())
    place, name = source_folder(str(source.address), Path())
    assert name == "talking"
    here = {p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()}
    assert {name for name in here if name[0] != "."} == set(files)
    stamps = {name: (place / name).stat().st_mtime_ns for name in files}
    first, second, *_ = sorted(files)
    source.write(first, b"changed")
    source.remove([second])
    cached_source(source.address)
    assert (place / first).read_bytes() == b"changed"
    assert not (place / second).exists()
    for other in set(files) - {first, second}:
        assert (place / other).stat().st_mtime_ns == stamps[other]


def test_nothing_at_a_source(s3):
    with pytest.raises(InputError, match="nothing is there"):
        cached_source(parse_object_address(f"{s3}/empty", "--source"))


@pytest.mark.parametrize("name", ["../a.mpg", "s1/../../a.mpg", "s1//a.mpg", "s1/a\n.mpg"])
def test_what_cannot_be_the_name_of_a_file_is_not_fetched(s3, monkeypatch, name):
    monkeypatch.setattr(ObjectFolder, "list", lambda _: iter([StoredObject(name, 1, "etag")]))
    with pytest.raises(InputError, match="cannot be the name of a file"):
        cached_source(parse_object_address(f"{s3}/odd", "--source"))


@pytest.mark.parametrize(
    "arguments", [["info"], ["validate", "--fast", "--workers", "1"], ["merge"]], ids=lambda a: a[0]
)
def test_commands_take_an_address(folder, talking, arguments, capsys):
    prepare(folder, talking)
    with pytest.raises(SystemExit) as left:
        main([arguments[0], str(folder.address), *arguments[1:]])
    assert left.value.code == 0
    shown = capsys.readouterr()
    assert "s3://corpora/lab/grid: " in shown.out + shown.err


def test_a_command_says_in_one_line_what_is_wrong(s3, capsys):
    with pytest.raises(SystemExit) as left:
        main(["info", "s3://elsewhere/grid"])
    assert left.value.code == errors.EXIT_NETWORK
    assert capsys.readouterr().err == (
        "gridkit: s3://elsewhere/grid/corpus.json: there is no such bucket; make it, or check "
        "bucket, AWS_REGION and AWS_ENDPOINT_URL\n"
    )
