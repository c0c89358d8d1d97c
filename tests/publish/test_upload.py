"""Uploads that go wrong: cut, refused, rate limited, killed; and others who commit meanwhile."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from support.hub.server import Fault

from gridkit.errors import EXIT_NETWORK, DiskFullError, HubConflictError, HubError, NetworkError
from gridkit.hub.client import open_hub
from gridkit.hub.commits import TITLE
from gridkit.publish.comparison import Target
from gridkit.publish.corpus import files_of, hub_card
from gridkit.publish.journal import JOURNAL_NAME, Journal
from gridkit.publish.upload import Upload
from gridkit.store.reader import open_corpus

REPO = "lab/grid"
CARD = "---\nlicense: mit\n---\n"


@pytest.fixture
def upload(hub_server, corpus_dir):
    """Send the corpus in batches of two files, as one run does; returns how it ended."""
    hub_server.create_repo(REPO)

    def sent(*, create_pr=False, content=None, on_bytes=lambda _count: None):
        corpus = open_corpus(corpus_dir)
        files = files_of(corpus, content or hub_card(corpus, REPO))
        target = Target(REPO, create_pr=create_pr)
        run = Upload(open_hub(), target, files, "8 clips", Journal(corpus_dir), batch_files=2)
        return run.run(on_bytes)

    return sent


@pytest.fixture
def is_whole(hub_server, corpus_dir):
    """Whether the repository has the corpus, every byte of it."""

    def whole(revision="main"):
        corpus = open_corpus(corpus_dir)
        wanted = {file.path: file for file in files_of(corpus, hub_card(corpus, REPO))}
        there = hub_server.repo(REPO).find(revision).files
        return all(
            path in there and there[path].etag in file.identities for path, file in wanted.items()
        )

    return whole


def commits(hub_server, revision="main"):
    """Titles, oldest first, without the repository's first commit."""
    repo = hub_server.repo(REPO)
    return [commit.title for commit in repo.history(repo.find(revision))][-2::-1]


def arrived(hub_server):
    """How often each object was taken in whole."""
    uploads = hub_server.requests("upload")
    return Counter(request.path for request in uploads if request.status == 200)


def test_batches_follow_each_other_and_the_card_comes_last(upload, hub_server, is_whole):
    counted = []
    outcome = upload(on_bytes=counted.append)
    assert commits(hub_server) == [f"{TITLE}: 8 clips ({n} of 4)" for n in (1, 2, 3, 4)]
    assert is_whole()
    assert outcome.sent[-2:] == ("README.md", "corpus.json")
    assert outcome.sent[:3] == tuple(
        f"data/{speaker}-00000.parquet" for speaker in ("s1", "s2", "s3")
    )
    assert sum(counted) == sum(
        len(body) for path, body in hub_server.files(REPO).items() if path != ".gitattributes"
    )
    repo = hub_server.repo(REPO)
    for commit in repo.history(repo.find("main")):
        if "README.md" in commit.files:
            assert {
                "data/s1-00000.parquet",
                "data/s3-00000.parquet",
                "manifest.parquet",
            } <= commit.files.keys()


# faults that pass


@pytest.mark.parametrize(
    "route", ["info", "tree", "preupload", "lfs-batch", "upload", "verify", "commit"]
)
@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503),
        Fault(status=429, headers={"Retry-After": "7"}),
        Fault(loses_answer=True),
    ],
    ids=["500", "503", "429", "lost"],
)
def test_a_fault_that_passes(upload, hub_server, is_whole, route, fault):
    hub_server.fail(route, fault, times=2)
    upload()
    assert is_whole()
    assert set(arrived(hub_server).values()) == {1}
    assert len(commits(hub_server)) == 4
    if fault.status == 429:
        assert sum(wait_s >= 7 for wait_s in hub_server.waits_s) == 2


def test_a_cut_upload_goes_again(upload, hub_server, is_whole):
    hub_server.fail("upload", Fault(cut_after_bytes=1000), times=3)
    upload()
    assert is_whole()
    assert set(arrived(hub_server).values()) == {1}


def test_large_files_in_parts(upload, hub_server, is_whole):
    hub_server.part_bytes = 100_000
    hub_server.fail("upload-part", Fault(cut_after_bytes=1000), times=2)
    upload()
    assert is_whole()
    assert (
        not hub_server.requests("upload")
        or max(r.received_bytes for r in hub_server.requests("upload")) <= 100_000
    )


def test_an_answer_that_never_came_is_no_second_commit(upload, hub_server, is_whole):
    """Each commit is made, and the client hears of none."""
    hub_server.fail("commit", Fault(loses_answer=True), times=None)
    outcome = upload()
    assert is_whole()
    assert len(commits(hub_server)) == 4
    assert set(arrived(hub_server).values()) == {1}
    assert outcome.commit == hub_server.repo(REPO).find("main").oid


# faults that stay


@pytest.mark.parametrize(
    ("route", "fault", "kind", "says"),
    [
        ("commit", Fault(status=500), HubError, "the Hub fails with 500"),
        ("upload", Fault(status=500), HubError, "the Hub fails with 500"),
        ("upload", Fault(cut_after_bytes=10), NetworkError, "cannot be reached"),
        ("commit", Fault(status=403, message="over your quota"), HubError, "over your quota"),
        ("lfs-batch", Fault(status=401), HubError, "not accept the token, which may have expired"),
        ("commit", Fault(status=409, message="busy"), HubConflictError, "busy"),
        (
            "commit",
            Fault(status=400, message="too large"),
            HubError,
            "refuses with 400 (too large)",
        ),
        ("commit", Fault(status=429, headers={"Retry-After": "9000"}), HubError, "in 9000 s"),
    ],
)
def test_a_fault_that_stays(upload, hub_server, is_whole, route, fault, kind, says):
    hub_server.fail(route, fault, times=None)
    with pytest.raises(kind, match=f"^hf:{REPO}@main: ") as raised:
        upload()
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert sum(hub_server.waits_s) < 100
    hub_server.heal()
    upload()
    assert is_whole()
    assert set(arrived(hub_server).values()) == {1}


def test_a_journal_that_cannot_be_written(upload, hub_server, monkeypatch):
    def full(path, _content):
        raise DiskFullError(f"no space left for {path}")

    monkeypatch.setattr("gridkit.publish.journal.write_file", full)
    with pytest.raises(DiskFullError, match=JOURNAL_NAME):
        upload()
    assert commits(hub_server) == []


def test_a_damaged_journal(refused, corpus_dir, hub_server):
    (corpus_dir / JOURNAL_NAME).write_text('{"places": {"x": 1}}')
    assert "damaged (TypeError); remove it and run again" in refused()[1]


# others


def test_someone_elses_commit_in_between_is_kept_and_built_upon(upload, hub_server, is_whole):
    notes = Fault(first=lambda: hub_server.commit(REPO, {"NOTES.md": b"theirs"}))
    hub_server.fail("commit", notes, skip=1)
    upload()
    assert is_whole()
    assert hub_server.files(REPO)["NOTES.md"] == b"theirs"
    refused = [request for request in hub_server.requests("commit") if request.status == 412]
    assert len(refused) == 1
    assert set(arrived(hub_server).values()) == {1}


@pytest.mark.parametrize("path", ["README.md", "data/s1-00000.parquet", "corpus.json"])
def test_someone_elses_commit_to_our_files_in_between_stops_the_run(upload, hub_server, path):
    theirs = Fault(first=lambda: hub_server.commit(REPO, {path: b"theirs"}, title="My change"))
    hub_server.fail("commit", theirs, skip=1)
    with pytest.raises(
        HubConflictError, match=f'{path} is by someone else \\(commit "My change"\\)'
    ):
        upload()
    assert hub_server.files(REPO)[path] == b"theirs"
    with pytest.raises(HubConflictError):
        upload()
    assert hub_server.files(REPO)[path] == b"theirs"


@pytest.mark.parametrize("path", ["README.md", "data/s3-00000.parquet"])
@pytest.mark.parametrize("had", [False, True], ids=["new", "published before"])
def test_another_publish_in_between_is_not_written_over(upload, hub_server, corpus_dir, path, had):
    """Its title is ours, and what it brings we have not sent yet."""
    if had:
        upload()
        (corpus_dir / JOURNAL_NAME).unlink()
        first_batch = ("data/s1-00000.parquet", "data/s2-00000.parquet")
        older = {**dict.fromkeys(first_batch, b"old"), path: None}
        hub_server.commit(REPO, older, title=f"{TITLE}: x")
    theirs = Fault(first=lambda: hub_server.commit(REPO, {path: b"theirs"}, title=f"{TITLE}: y"))
    hub_server.fail("commit", theirs)
    with pytest.raises(HubConflictError, match=f"{path} is of another gridkit publish"):
        upload()
    assert hub_server.files(REPO)[path] == b"theirs"
    with pytest.raises(HubConflictError):
        upload()
    assert hub_server.files(REPO)[path] == b"theirs"


def test_a_file_that_was_there_before_is_not_written_over(upload, hub_server, refused):
    hub_server.commit(REPO, {"README.md": b"# by hand"}, title="Card by hand")
    status, line = refused()
    assert status == EXIT_NETWORK
    assert 'README.md is by someone else (commit "Card by hand")' in line
    assert "--create-pr" in line
    assert not hub_server.requests("preupload")
    assert "README.md" in refused("--dry-run")[1]
    upload(create_pr=True)
    assert hub_server.files(REPO) == {**hub_server.files(REPO), "README.md": b"# by hand"}
    assert hub_server.files(REPO, "refs/pr/1")["README.md"] != b"# by hand"


def test_a_published_file_that_someone_changed_later(upload, hub_server):
    upload()
    hub_server.commit(REPO, {"README.md": b"better"}, title="Update README.md")
    with pytest.raises(HubConflictError, match=r"README\.md is by someone else"):
        upload()
    assert hub_server.files(REPO)["README.md"] == b"better"


def test_foreign_shards_would_be_loaded_as_ours(upload, hub_server):
    hub_server.commit(REPO, {"data/more/x.parquet": b"?", "backup/data/x.parquet": b"?"})
    assert upload().removed == ()
    hub_server.commit(REPO, {"data/train-00000.parquet": b"?"})
    for create_pr in (False, True):
        with pytest.raises(HubConflictError, match=r"data/train-00000\.parquet is not a file"):
            upload(create_pr=create_pr)
    assert len(commits(hub_server)) == 6


def test_others_who_never_stop_committing(upload, hub_server):
    numbers = iter(range(100))
    busy = Fault(first=lambda: hub_server.commit(REPO, {"NOTES.md": b"%d" % next(numbers)}))
    hub_server.fail("commit", busy, times=None)
    with pytest.raises(HubConflictError, match="someone else changed it during this run"):
        upload()
    assert len(hub_server.requests("commit")) == 4
    assert hub_server.waits_s == [2, 4, 8]


@pytest.mark.parametrize("arrives", [True, False])
def test_a_corpus_that_changes_after_a_run_died_over_a_commit(
    upload, hub_server, is_whole, arrives
):
    """Whether that commit arrived or not, what the repository has is known to be ours."""
    upload(content=f"{CARD}first")
    fault = Fault(loses_answer=True) if arrives else Fault(status=400)
    hub_server.fail("commit", fault)
    hub_server.fail("info", Fault(status=403), skip=1)
    with pytest.raises(HubError):
        upload(content=f"{CARD}second")
    there = hub_server.files(REPO)["README.md"].decode()
    assert there == f"{CARD}{'second' if arrives else 'first'}"
    hub_server.heal()
    upload()
    assert is_whole()


# pull requests


def test_a_pull_request_holds_all_batches_and_main_stays(upload, hub_server, is_whole):
    before = hub_server.files(REPO)
    outcome = upload(create_pr=True)
    assert outcome.pull_request == 1
    assert is_whole("refs/pr/1")
    assert hub_server.files(REPO) == before
    titles = commits(hub_server, "refs/pr/1")
    assert titles[0] == f"{TITLE}: 8 clips"
    assert titles[1:] == [f"{TITLE}: 8 clips ({n} of 4)" for n in (2, 3, 4)]
    again = upload(create_pr=True)
    assert (again.pull_request, again.sent) == (1, ())


@pytest.mark.parametrize("lost", [1, None])
def test_a_pull_request_whose_number_never_came_is_found(upload, hub_server, is_whole, lost):
    hub_server.repo(REPO).commit(
        "refs/pr/1", "another one", {"x": b"y"}, base=hub_server.repo(REPO).find("main").oid
    )
    hub_server.fail("commit", Fault(loses_answer=True), times=lost)
    assert upload(create_pr=True).pull_request == 2
    assert is_whole("refs/pr/2")
    assert {ref for ref in hub_server.repo(REPO).refs if "pr" in ref} == {"refs/pr/1", "refs/pr/2"}


def test_a_pull_request_is_added_to_until_it_is_merged(upload, hub_server, is_whole):
    upload(create_pr=True)
    assert upload(create_pr=True, content=f"{CARD}new").pull_request == 1
    hub_server.merge(REPO, 1)
    assert upload(create_pr=True, content=f"{CARD}new").pull_request is None
    assert upload(create_pr=True).pull_request == 2
    assert is_whole("refs/pr/2")


def test_what_a_merged_pull_request_brought_is_ours(upload, hub_server, is_whole):
    upload(create_pr=True, content=f"{CARD}new")
    hub_server.merge(REPO, 1)
    upload()
    assert is_whole()


# kills

RUN = """
import sys
from pathlib import Path
import gridkit.hub.commits
gridkit.hub.commits.BATCH_FILES = 2
from gridkit.publish.run import publish
from gridkit.publish.comparison import Target

if __name__ == "__main__":
    publish(Path(sys.argv[1]), Target("lab/grid", create_pr="pr" in sys.argv))
"""
KILLS = {
    "in the first upload": ("upload", 0, False),
    "in the second upload": ("upload", 1, False),
    "before the second commit": ("commit", 1, False),
    "after the first commit": ("commit", 0, True),
    "after the last commit": ("commit", 3, True),
}


@pytest.mark.parametrize(
    ("moment", "create_pr"),
    [
        *((moment, False) for moment in KILLS),
        ("before the second commit", True),
        ("after the first commit", True),
    ],
)
def test_a_killed_run_is_finished_by_the_next_and_nothing_goes_twice(
    hub_server, corpus_dir, upload, is_whole, moment, create_pr
):
    route, skip, after = KILLS[moment]
    command = [sys.executable, "-c", RUN, str(corpus_dir), *(["pr"] if create_pr else [])]
    process = subprocess.Popen(command, env=hub_server.environment(), stderr=subprocess.PIPE)

    def kill():
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    if after:  # the answer is lost; the client waits before it asks again, and is killed then
        hub_server.fail(route, Fault(loses_answer=True), skip=skip)
        deadline = time.monotonic() + 60
        while len(hub_server.requests(route)) <= skip and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        kill()
    else:
        hub_server.fail(route, Fault(first=kill), skip=skip)
        process.wait(60)
    assert process.returncode == -signal.SIGKILL, process.stderr.read().decode()
    hub_server.heal()

    revision = "refs/pr/1" if create_pr else "main"
    before = set(arrived(hub_server))
    outcome = upload(create_pr=create_pr)
    assert outcome.pull_request == (1 if create_pr else None)
    assert is_whole(revision)
    assert set(arrived(hub_server).values()) == {1}
    assert before <= set(arrived(hub_server))
    assert len(commits(hub_server, revision)) == 4
