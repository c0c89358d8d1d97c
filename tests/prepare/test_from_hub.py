"""A published corpus comes back byte for byte, whatever happens on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.hub.server import Fault, HubServer

from gridkit.cli.main import main
from gridkit.compute.lock import folder_lock
from gridkit.errors import (
    CheckFailed,
    ChecksumError,
    CorpusError,
    GridkitError,
    HubError,
    InputError,
    LockedError,
    UsageError,
)
from gridkit.hub.address import HubAddress
from gridkit.prepare.from_hub import ORIGIN_NAME, local_corpus, prepare_from_hub
from gridkit.store.manifest import MANIFEST_NAME
from gridkit.store.reader import open_corpus

GRID = HubAddress("lab/grid", "main")
SHARDS = ("data/x1-00000.parquet", "data/x2-00000.parquet")


@pytest.fixture
def published(hub_server: HubServer, prepared: Path) -> HubServer:
    hub_server.create_repo("lab/grid")
    hub_server.commit("lab/grid", {"LICENSE": b"text of the licence"})
    hub_server.commit_folder("lab/grid", prepared)
    return hub_server


def got(hub: HubServer) -> list[str]:
    """Return the paths whose content was asked for, with repetitions."""
    paths = (request.path.partition("/resolve/")[2] for request in hub.requests("resolve"))
    return sorted(path.partition("/")[2] for path in paths)


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_it_is_the_published_corpus(
    published: HubServer, prepared: Path, tmp_path: Path, hashes: Callable, capsys
) -> None:
    folder = tmp_path / "grid"
    assert command("prepare", folder, "--source", "hf:lab/grid@main", "--workers", "1") == 0
    commit = published.repo("lab/grid").refs["refs/heads/main"]
    there = hashes(folder)
    assert json.loads((folder / ORIGIN_NAME).read_text()) == {"repo": "lab/grid", "commit": commit}
    assert there.pop(ORIGIN_NAME)
    assert there == hashes(prepared)
    text = capsys.readouterr()
    assert f"hf:lab/grid@main is commit {commit}" in text.err
    assert "8 clips found, 8 kept, 0 rejected" in text.out
    assert got(published) == sorted(hashes(prepared))
    assert command("validate", folder, "--workers", "1") == 0

    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    stamps.pop(folder / ".gridkit-lock")
    assert command("prepare", folder, "--source", "hf:lab/grid@main") == 0
    assert stamps.items() <= {p: p.stat().st_mtime_ns for p in folder.rglob("*")}.items()
    assert len(got(published)) == len(there)


def test_what_gridkit_publishes_comes_back(
    hub_server: HubServer, prepared: Path, tmp_path: Path, hashes: Callable
) -> None:
    source = tmp_path / "source"
    shutil.copytree(prepared, source)
    assert command("publish", source, "--repo", "lab/grid") == 0
    before = hashes(source)
    prepare_from_hub(GRID, tmp_path / "grid")
    differs = before.items() ^ hashes(tmp_path / "grid").items()
    # the card on the Hub names the repository; hidden files are each folder's own
    assert {name for name, _ in differs if not name.startswith(".")} == {"README.md"}
    # the same corpus, now with the card of the Hub
    prepare_from_hub(GRID, source)
    assert not {name for name, _ in hashes(source).items() ^ hashes(tmp_path / "grid").items()} - {
        ".gridkit-publish.json"
    }


def test_every_file_is_of_the_commit_that_was_resolved_first(
    published: HubServer, prepared: Path, tmp_path: Path, hashes: Callable
) -> None:
    later = Fault(first=lambda: published.commit("lab/grid", {MANIFEST_NAME: b"another"}))
    published.fail("tree", later)
    prepare_from_hub(GRID, tmp_path / "grid")
    assert hashes(tmp_path / "grid")[MANIFEST_NAME] == hashes(prepared)[MANIFEST_NAME]
    published.repo("lab/grid").refs["refs/tags/v1"] = published.repo("lab/grid").find("main").parent
    prepare_from_hub(HubAddress("lab/grid", "v1"), tmp_path / "v1")
    assert hashes(tmp_path / "v1") == hashes(tmp_path / "grid")


def test_a_run_that_is_killed_goes_on(
    published: HubServer, prepared: Path, tmp_path: Path, hashes: Callable
) -> None:
    folder = tmp_path / "grid"
    published.fail("resolve", Fault(delay_s=60), times=None, of=SHARDS[1])
    run = [sys.executable, "-m", "gridkit.cli.main", "prepare", str(folder)]
    running = subprocess.Popen(
        [*run, "--source", "hf:lab/grid"], env=published.environment(), stderr=subprocess.PIPE
    )
    while not (folder / SHARDS[0]).exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert not (folder / "corpus.json").exists()
    with pytest.raises(CorpusError, match="is not finished"):
        open_corpus(folder)
    published.heal()
    published.seen.clear()
    prepare_from_hub(GRID, folder)
    assert SHARDS[0] not in got(published)
    assert SHARDS[1] in got(published)
    (folder / ORIGIN_NAME).unlink()
    assert hashes(folder) == hashes(prepared)


def test_a_run_that_died_over_an_older_commit_leaves_no_shard_of_it(
    published: HubServer, prepared: Path, tmp_path: Path, hashes: Callable
) -> None:
    folder = tmp_path / "grid"
    body = (prepared / SHARDS[0]).read_bytes()

    def longer(content: dict) -> None:
        content["shards"]["data/x1-00001.parquet"] = content["shards"][SHARDS[0]]

    older = {"corpus.json": broken(prepared, longer), "data/x1-00001.parquet": body}
    commit = published.commit("lab/grid", older)
    published.commit("lab/grid", {"corpus.json": (prepared / "corpus.json").read_bytes()})
    published.fail("head", Fault(status=403), times=None, of="/preview.png")
    with pytest.raises(HubError, match="no right"):
        prepare_from_hub(HubAddress("lab/grid", commit.oid), folder)
    assert (folder / "data/x1-00001.parquet").exists()
    published.heal()
    prepare_from_hub(GRID, folder)
    (folder / ORIGIN_NAME).unlink()
    assert hashes(folder) == hashes(prepared)


def test_a_download_cut_in_its_midst_is_tried_again(
    published: HubServer, prepared: Path, tmp_path: Path, hashes: Callable
) -> None:
    published.fail("resolve", Fault(cut_after_bytes=100), skip=1, times=3)
    prepare_from_hub(GRID, tmp_path / "grid")
    assert set(got(published)) == set(hashes(prepared))
    assert sum(one.sent_bytes == 100 for one in published.requests("resolve")) == 3
    assert hashes(tmp_path / "grid").items() >= hashes(prepared).items()


def test_files_that_were_damaged_are_fetched_again(
    published: HubServer, prepared: Path, tmp_path: Path, hashes: Callable
) -> None:
    folder = tmp_path / "grid"
    prepare_from_hub(GRID, folder)
    (folder / SHARDS[0]).write_bytes(b"short")
    (folder / "preview.png").unlink()
    published.seen.clear()
    prepare_from_hub(GRID, folder)
    assert got(published) == ["corpus.json", SHARDS[0], "preview.png"]
    assert hashes(folder).items() >= hashes(prepared).items()


def test_what_arrives_altered_is_not_taken(
    published: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # storage gives other bytes than the tree announces, of the same length
    repo = published.repo("lab/grid")
    file = repo.find("main").files[SHARDS[0]]
    monkeypatch.setattr(
        "support.hub.reads._send_range",
        lambda call, body, headers: call.send(
            200, bytes(len(body)) if body == file.body else body, headers
        ),
    )
    with pytest.raises(
        ChecksumError, match=f"{SHARDS[0]} did not arrive as its publisher describes it"
    ):
        prepare_from_hub(GRID, tmp_path / "grid")
    assert not (tmp_path / "grid" / SHARDS[0]).exists()
    assert not (tmp_path / "grid" / "corpus.json").exists()


def broken(prepared: Path, change: Callable[[dict], None]) -> bytes:
    content = json.loads((prepared / "corpus.json").read_text())
    change(content)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (lambda file: {"corpus.json": None}, CorpusError, "is not a prepared corpus"),
        (
            lambda file: {SHARDS[1]: None},
            CorpusError,
            f"not match its corpus.json: {SHARDS[1]} is missing",
        ),
        (lambda file: {MANIFEST_NAME: b"other"}, CorpusError, "manifest.parquet is another"),
        (
            lambda file: {
                "corpus.json": broken(file, lambda c: c["shards"][SHARDS[0]].update(bytes=9))
            },
            CorpusError,
            f"not match its corpus.json: {SHARDS[0]} is another file; take another revision",
        ),
        (
            lambda file: {"corpus.json": broken(file, lambda c: c.update(schema_version=99))},
            CorpusError,
            "^hf:lab/grid@main was made by a newer gridkit",
        ),
        (
            lambda file: {"corpus.json": broken(file, lambda c: c["counts"].update(kept=1))},
            CheckFailed,
            "arrived as it is on the Hub, but .*see gridkit validate",
        ),
    ],
)
def test_what_is_no_whole_corpus_is_refused(
    published: HubServer,
    prepared: Path,
    tmp_path: Path,
    change: Callable[[Path], dict],
    kind: type[GridkitError],
    says: str,
) -> None:
    published.commit("lab/grid", change(prepared))
    with pytest.raises(kind, match=says):
        prepare_from_hub(GRID, tmp_path / "grid")


@pytest.fixture
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub keeps Parquet as plain git files, of which it gives no SHA-256."""
    monkeypatch.setattr("support.hub.store.LARGE_SUFFIXES", (".png",))


@pytest.mark.usefixtures("plain_git")
@pytest.mark.parametrize("path", [SHARDS[0], MANIFEST_NAME])
def test_a_plain_file_that_corpus_json_contradicts_is_not_taken(
    published: HubServer,
    prepared: Path,
    tmp_path: Path,
    hashes: Callable,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    good = shutil.copytree(prepared, tmp_path / "good")
    prepare_from_hub(GRID, tmp_path / "grid")
    assert hashes(local_corpus("hf:lab/grid")).items() >= hashes(prepared).items()

    body = (prepared / path).read_bytes()
    published.commit("lab/grid", {path: bytes([body[0] ^ 1]) + body[1:]})
    for _ in range(2):
        with pytest.raises(ChecksumError, match=f"{path} did not arrive as its publisher"):
            local_corpus("hf:lab/grid")
    with pytest.raises(ChecksumError, match=f"{path} did not arrive as its publisher"):
        prepare_from_hub(GRID, tmp_path / "new")
    kept = published.repo("lab/grid").refs["refs/heads/main"]
    for folder in (tmp_path / "cache/corpora/lab--grid" / kept, tmp_path / "new"):
        assert not (folder / "corpus.json").exists()
        assert not (folder / path).exists()
    # what corpus.json describes is here already: nothing is put in its place
    prepare_from_hub(GRID, good)
    assert hashes(good).items() >= hashes(prepared).items()


def test_a_split_list_that_corpus_json_contradicts_is_not_taken(
    published: HubServer, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))

    def with_list(content: dict) -> None:
        content["splits"]["mine"] = next(iter(content["splits"].values()))

    published.commit("lab/grid", {"corpus.json": broken(prepared, with_list)})
    with pytest.raises(
        CorpusError, match=r"does not match its corpus.json: splits/mine\.tsv.*another revision"
    ):
        local_corpus("hf:lab/grid")
    assert not list((tmp_path / "cache").glob("corpora/*/*/corpus.json"))


def test_what_the_hub_has_wrong_is_not_mended_by_preparing_again(
    published: HubServer, tmp_path: Path
) -> None:
    published.commit("lab/grid", {"README.md": b"---\nlicense: mit\n---\n"})
    with pytest.raises(CheckFailed, match=r"metadata `license` .*; take another revision") as told:
        prepare_from_hub(GRID, tmp_path / "grid")
    assert "again (" not in str(told.value)


def test_a_path_that_leads_out_of_the_folder_is_refused(
    published: HubServer, prepared: Path, tmp_path: Path
) -> None:
    def lead_out(content: dict) -> None:
        content["shards"]["data/../../out.parquet"] = content["shards"].pop(SHARDS[0])

    body = (prepared / SHARDS[0]).read_bytes()
    evil = {"corpus.json": broken(prepared, lead_out), "data/../../out.parquet": body}
    published.commit("lab/grid", evil)
    with pytest.raises(CorpusError, match=r"not match its corpus\.json"):
        prepare_from_hub(GRID, tmp_path / "a" / "grid")
    assert not list(tmp_path.rglob("out.parquet"))


def test_folders_that_hold_something_else_are_left_alone(
    published: HubServer, prepared: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"README.md exists and is not part of a finished corpus"):
        prepare_from_hub(GRID, foreign)
    assert (foreign / "README.md").read_text() == "mine"

    other = tmp_path / "other"
    shutil.copytree(prepared, other)
    published.commit(
        "lab/grid", {"corpus.json": broken(prepared, lambda c: c.update(source="elsewhere"))}
    )
    with pytest.raises(InputError, match="holds another corpus than hf:lab/grid@main"):
        prepare_from_hub(GRID, other)

    begun = tmp_path / "begun"
    (begun / ".gridkit" / "batches").mkdir(parents=True)
    with pytest.raises(InputError, match="unfinished run from another source"):
        prepare_from_hub(GRID, begun)
    with folder_lock(tmp_path / "busy"), pytest.raises(LockedError):
        prepare_from_hub(GRID, tmp_path / "busy")
    assert not got(published)


def test_a_corpus_made_here_is_known_to_be_the_published_one(
    published: HubServer, prepared: Path, tmp_path: Path
) -> None:
    shutil.copytree(prepared, tmp_path / "grid")
    prepare_from_hub(GRID, tmp_path / "grid")
    assert not got(published)


def test_crops_that_cannot_be_had(published: HubServer, tmp_path: Path, capsys) -> None:
    source = ("--workers", "1", "--source", "hf:lab/grid")
    with pytest.raises(UsageError, match="has mouth96, and a crop cannot be cut without"):
        prepare_from_hub(GRID, tmp_path / "grid", ("mouth96", "lipnet"))
    assert command("prepare", tmp_path / "grid", *source, "--crop", "mouth96") == 0
    assert command("prepare", tmp_path / "grid", *source, "--crop", "gan") == 2
    assert "--crop gan: hf:lab/grid has mouth96" in capsys.readouterr().err
    assert command("prepare", tmp_path / "grid", *source, "--speakers", "s1") == 2
    assert "--speakers cannot be used with --source hf:" in capsys.readouterr().err
    assert command("prepare", tmp_path / "grid", "--source", "hf:grid") == 2
    assert "expected hf:ORG/NAME@REVISION" in capsys.readouterr().err


def test_the_hub_refuses_in_one_line(published: HubServer, tmp_path: Path, capsys) -> None:
    for source, says in (
        ("hf:lab/none", "hf:lab/none: no such repository"),
        ("hf:lab/grid@v9", "hf:lab/grid@v9: no such revision"),
    ):
        assert command("prepare", tmp_path / "grid", "--source", source) == 5
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1
    published.fail("resolve", Fault(status=500), times=None)
    with pytest.raises(HubError, match="fails with 500"):
        prepare_from_hub(GRID, tmp_path / "grid")


def test_a_corpus_for_reading_is_kept_by_its_commit(
    published: HubServer,
    prepared: Path,
    tmp_path: Path,
    hashes: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    assert local_corpus("some/folder") == Path("some/folder")
    folder = local_corpus("hf:lab/grid")
    commit = published.repo("lab/grid").refs["refs/heads/main"]
    assert folder == tmp_path / "cache" / "corpora" / "lab--grid" / commit
    assert hashes(folder).items() >= hashes(prepared).items()
    published.seen.clear()
    assert local_corpus("hf:lab/grid@main") == folder
    assert [request.route for request in published.seen] == ["info"]
    published.seen.clear()
    assert local_corpus(f"hf:lab/grid@{commit}") == folder
    assert not published.seen  # a commit never changes: not even asked for
    with pytest.raises(UsageError, match="--data hf:grid: expected hf:ORG/NAME@REVISION"):
        local_corpus("hf:grid")
