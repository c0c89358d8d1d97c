import socket
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.s3 import BUCKET, SECRET, backend, check_credentials, use_reader

from gridkit.errors import MissingExtraError, StorageError
from gridkit.storage.address import ObjectAddress, parse_object_address
from gridkit.storage.objects import ObjectFolder, _open
from gridkit.storage.problems import ObjectChangedError, ObjectExistsError


@pytest.fixture
def folder(s3):
    return ObjectFolder(parse_object_address(f"{s3}/lab/grid", "--out"))


def no_secret(error) -> bool:
    return SECRET not in "".join(traceback.format_exception(error.value))


def test_objects_are_read_as_they_were_written(folder, tmp_path):
    folder.write("data/a", b"one")
    folder.write("data/a", b"other")
    assert folder.read("data/a") == b"other"
    folder.fetch("data/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"other"
    found = folder.find("data/a")
    assert (found.name, found.size_bytes) == ("data/a", 5)
    with folder.file("data/a") as file:
        assert file.read_bytes() == b"other"
    assert not file.exists()
    assert (folder.read_end("data/a", 2), folder.read_end("data/a", 99)) == (b"er", b"other")
    assert folder.find("data/b") is None
    assert list(backend().buckets[BUCKET].keys) == ["lab/grid/data/a"]
    folder.remove(["data/a", "data/b"])
    with pytest.raises(FileNotFoundError):
        folder.read("data/a")


def test_a_listing_of_several_pages_is_whole(folder):
    """The server gives a thousand names at a time."""
    for number in range(2345):
        backend().put_object(BUCKET, f"lab/grid/data/{number:05d}", b"x")
    for name in ("lab/grid/other", "lab/grid/data-2/a", "lab/grid2/data/a"):
        backend().put_object(BUCKET, name, b"x")
    names = [entry.name for entry in folder.list("data")]
    assert names == [f"data/{number:05d}" for number in range(2345)]
    folder.remove(names)
    assert [entry.name for entry in folder.list()] == ["data-2/a", "other"]


def test_of_several_who_create_an_object_one_wins(folder):
    def create(number):
        try:
            return folder.create("lock", f"held by {number}".encode()) and number
        except ObjectExistsError:
            return None

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(24)) if number is not None]
    assert len(winners) == 1
    assert folder.read("lock") == f"held by {winners[0]}".encode()


def test_a_condition_without_content_is_refused(folder):
    with pytest.raises(ValueError, match="without content"):
        folder.create("lock", b"")


def test_only_who_knows_the_object_replaces_it(folder):
    first = folder.create("lock", b"one")
    second = folder.replace("lock", b"two", first)
    with pytest.raises(ObjectChangedError):
        folder.replace("lock", b"three", first)
    assert folder.read("lock") == b"two"
    folder.remove(["lock"])
    with pytest.raises(ObjectChangedError):
        folder.replace("lock", b"three", second)


def test_a_bucket_that_does_not_exist(s3):
    folder = ObjectFolder(ObjectAddress("elsewhere", "grid"))
    for ask in (
        lambda: list(folder.list()),
        lambda: folder.read("a"),
        lambda: folder.write("a", b"x"),
        lambda: folder.create("a", b"x"),
    ):
        with pytest.raises(StorageError, match=r"s3://elsewhere/grid\S*: there is no such bucket"):
            ask()


def test_a_wrong_credential(folder, s3_endpoint, monkeypatch):
    check_credentials(s3_endpoint)
    for ask in (lambda: list(folder.list()), lambda: folder.write("a", b"x")):
        with pytest.raises(StorageError, match=r"does not accept the credentials \(\w+\)") as error:
            ask()
        assert "\n" not in str(error.value)
        assert no_secret(error)


def test_a_credential_that_only_reads(folder, s3_endpoint, monkeypatch):
    folder.write("a", b"x")
    use_reader(monkeypatch, s3_endpoint)
    reader = ObjectFolder(ObjectAddress(BUCKET, "lab/grid"))
    assert reader.read("a") == b"x"
    for ask in (lambda: reader.write("a", b"y"), lambda: reader.create("b", b"y")):
        with pytest.raises(StorageError, match=r"no right to write here \(AccessDenied\)") as error:
            ask()
        assert no_secret(error)
    check_credentials(s3_endpoint)
    assert reader.read("a") == b"x"


def test_no_credentials(folder, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    _open.cache_clear()
    with pytest.raises(StorageError, match="no credentials") as error:
        folder.read("a")
    assert no_secret(error)


def test_a_server_that_is_not_there(s3, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(StorageError, match="cannot be reached") as error:
        ObjectFolder(ObjectAddress(BUCKET)).read("a")
    assert no_secret(error)


def test_a_missing_extra(folder, monkeypatch):
    _open.cache_clear()
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(MissingExtraError, match=r'pip install "gridkit\[s3\]"'):
        folder.read("a")
