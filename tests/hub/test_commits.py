"""What goes, in which batches, and how long to wait: facts of the plan, without a server."""

import hashlib

import httpx2
import pytest
from huggingface_hub.errors import HfHubHTTPError
from hypothesis import given
from hypothesis import strategies as st
from support.hub.store import git_oid

from gridkit.errors import HubError
from gridkit.hub.addition import CountedAddition
from gridkit.hub.commits import (
    TRIES,
    LocalFile,
    conflict_wait_s,
    make_batches,
    make_plan,
    wait_s,
)
from gridkit.hub.snapshot import HubFile


def local(path, content=b"new"):
    return LocalFile(path, content, len(content), hashlib.sha256(content).hexdigest())


def remote(path, content=b"new", *, large=False):
    sha256 = hashlib.sha256(content).hexdigest() if large else None
    return HubFile(path, len(content), sha256, git_oid("blob", b"pointer" if large else content))


def plan(files, there, obsolete=(), ours=()):
    return make_plan(files, {file.path: file for file in there}, obsolete, lambda f: f.path in ours)


@pytest.mark.parametrize("large", [False, True])
def test_content_decides(large):
    same = plan([local("a")], [remote("a", large=large)])
    assert (same.send, [file.path for file in same.unchanged], same.is_empty) == ((), ["a"], True)
    other = plan([local("a")], [remote("a", b"old", large=large)], ours=["a"])
    assert [file.path for file in other.send] == ["a"]
    assert other.foreign == ()


def test_git_names_contents_as_we_do(tmp_path):
    """By `git hash-object`."""
    (tmp_path / "x").write_bytes(b"hello\n")
    for content in (b"hello\n", tmp_path / "x"):
        file = LocalFile("x", content, 6, "")
        assert file.blob_id == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_what_is_not_ours_is_neither_replaced_nor_removed():
    there = [remote("a", b"old"), remote("b", b"old"), remote("c"), remote("d")]
    wanted = plan([local("a"), local("b"), local("new")], there, ["c", "d", "gone"], ["b", "c"])
    assert wanted.foreign == ("a",)
    assert wanted.remove == ("c",)
    assert [file.path for file in wanted.send] == ["a", "b", "new"]


def test_what_is_published_again_is_not_removed():
    assert plan([local("a")], [remote("a", b"old")], ["a"], ["a"]).remove == ()


@given(st.lists(st.integers(0, 100), max_size=40), st.integers(1, 7), st.integers(1, 150))
def test_batches_hold_every_file_once_in_order_within_limits(sizes, most_files, most_bytes):
    files = [LocalFile(str(n), b"", size, "") for n, size in enumerate(sizes)]
    batches = make_batches(files, most_files, most_bytes)
    assert [file for batch in batches for file in batch] == files
    for batch in batches:
        assert 1 <= len(batch) <= most_files
        assert len(batch) == 1 or sum(file.size_bytes for file in batch) <= most_bytes


def answer(status, **headers):
    request = httpx2.Request("POST", "http://127.0.0.1/commit")
    return HfHubHTTPError(
        "failed", response=httpx2.Response(status, headers=headers, request=request)
    )


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (answer(500), 2),
        (answer(429, **{"Retry-After": "30"}), 30),
        (answer(429), 2),
        (answer(429, **{"Retry-After": "3000"}), None),
        (answer(404), None),
        (answer(412), None),
        (httpx2.ConnectError("refused"), 2),
        (httpx2.ReadTimeout("slow"), 2),
        (httpx2.LocalProtocolError("Illegal header value"), None),
        (ValueError("a bug"), None),
    ],
)
def test_waiting(error, seconds):
    assert wait_s(error, 0) == seconds
    wrapped = HubError("one line")
    wrapped.__cause__ = error
    assert wait_s(wrapped, 0) == seconds
    assert wait_s(error, TRIES - 1) is None


def test_waits_grow():
    assert [wait_s(answer(503), failures) for failures in range(TRIES)] == [2, 4, 8, None]
    assert [conflict_wait_s(conflicts) for conflicts in range(TRIES)] == [2, 4, 8, None]


def test_an_addition_is_not_hashed_again_and_tells_how_far_it_is(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    positions = []
    addition = CountedAddition("x", path, "ab" * 32, positions.append)
    assert addition.upload_info.sha256.hex() == "ab" * 32
    with addition.as_file(with_tqdm=True) as file:
        assert [file.read(4), file.read(4), file.read()] == [b"0123", b"4567", b"89"]
    assert positions == [4, 8, 10]
    with addition.as_file() as file:  # read for a hash, not to be sent
        assert file.read() == b"0123456789"
    assert positions == [4, 8, 10]
