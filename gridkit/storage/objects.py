"""Objects below a prefix on an S3-compatible store, by names with "/", as files of a folder.

An object is there whole or not at all. There is no rename: what has to appear last is put last. A
conditional PUT (If-None-Match, If-Match) lets one of several writers win.

Credentials are those that boto3 finds (environment, profile, instance); region and endpoint are
read from AWS_REGION and AWS_ENDPOINT_URL. They are never arguments, and never printed: an error
says the code that the server gave, and nothing else of what was sent or received.

Source: obstore 0.12 and Amazon S3's User Guide, "Conditional requests".
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from gridkit.errors import MissingExtraError, StorageError
from gridkit.storage.address import ObjectAddress
from gridkit.storage.problems import LOG_IN, ObjectChangedError, storage_errors

if TYPE_CHECKING:
    from obstore.store import S3Store

DELETED_AT_ONCE = 1000
"""The most objects that one request can delete."""
RETRIES = 5
RETRY_FOR_S = 60


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing has it."""

    name: str
    """Below the prefix, with "/"."""
    size_bytes: int
    etag: str
    """Changes when the content does."""
    modified_s: float = 0.0
    """When it was put, in seconds since 1970, by the clock of the store."""


@dataclass(frozen=True)
class ObjectFolder:
    """Objects below a prefix; can be sent to another process, which makes a client of its own.

    Every method raises StorageError where the store cannot be reached or refuses, or where the
    bucket is missing.
    """

    address: ObjectAddress

    def list(self, below: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose names begin with `below/`, or all, page by page."""
        with storage_errors(self.address):
            for page in self._store.list(below or None):
                yield from map(_stored, page)

    def find(self, name: str) -> StoredObject | None:
        """Return an object without its content; None where there is none of that name."""
        try:
            with storage_errors(self._at(name)):
                entry = self._store.head(name)
        except FileNotFoundError:
            return None
        return _stored(entry)

    def read(self, name: str) -> bytes:
        """Return the content of an object.

        Raises:
            FileNotFoundError: there is none of that name.
        """
        return self.read_with_etag(name)[0]

    def read_with_etag(self, name: str) -> tuple[bytes, str]:
        """Return content and etag of an object; raises as `read`."""
        with storage_errors(self._at(name)):
            answer = self._store.get(name)
            return bytes(answer.bytes()), answer.meta["e_tag"] or ""

    def fetch(self, name: str, file: Path) -> None:
        """Write the content of an object to a file, a few megabytes at a time.

        Raises:
            FileNotFoundError: there is none of that name.
            OSError: the file cannot be written.
        """
        with storage_errors(self._at(name)):
            chunks = iter(self._store.get(name))
        with file.open("wb") as out:
            while True:
                with storage_errors(self._at(name)):
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                out.write(chunk)

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Give a file with the content of an object, which is gone after the block.

        Raises:
            FileNotFoundError: there is no object of that name.
        """
        with TemporaryDirectory(prefix="gridkit-") as folder:
            path = Path(folder, Path(name).name)
            self.fetch(name, path)
            yield path

    def read_end(self, name: str, count: int) -> bytes:
        """Return the last bytes of an object, all where it has no more; raises as `read`."""
        with storage_errors(self._at(name)):
            answer = self._store.get(name, options={"range": {"suffix": count}})
            return bytes(answer.bytes())

    def write(self, name: str, content: bytes) -> str:
        """Put an object, in one request, and return its etag; one of that name is replaced."""
        with storage_errors(self._at(name), writes=True):
            return self._store.put(name, content, use_multipart=False)["e_tag"] or ""

    def create(self, name: str, content: bytes) -> str:
        """Put an object that must not be there yet, and return its etag.

        Args:
            name: of the object.
            content: not empty: a mark that says nothing helps nobody who finds it.

        Raises:
            ObjectExistsError: it is there.
        """
        if not content:
            raise ValueError(f"{self._at(name)}: an object without content")
        with storage_errors(self._at(name), writes=True):
            return self._store.put(name, content, mode="create", use_multipart=False)["e_tag"] or ""

    def replace(self, name: str, content: bytes, etag: str) -> str:
        """Put an object in the place of one that is known, and return its etag.

        Raises:
            ObjectChangedError: the object there is another one, or gone.
        """
        try:
            with storage_errors(self._at(name), writes=True):
                put = self._store.put(name, content, mode={"e_tag": etag}, use_multipart=False)
        except FileNotFoundError:
            raise ObjectChangedError(self._at(name)) from None
        return put["e_tag"] or ""

    def remove(self, names: Iterable[str]) -> None:
        """Delete objects; those that are not there are no error."""
        waiting = list(names)
        for start in range(0, len(waiting), DELETED_AT_ONCE):
            with storage_errors(self.address, writes=True):
                self._store.delete(waiting[start : start + DELETED_AT_ONCE])

    @property
    def _store(self) -> "S3Store":
        return _open(self.address, os.environ.get("AWS_ENDPOINT_URL", ""))

    def _at(self, name: str) -> str:
        return f"{self.address}/{name}"


def _stored(entry: Mapping[str, Any]) -> StoredObject:
    modified_s = entry["last_modified"].timestamp()
    return StoredObject(entry["path"], entry["size"], entry["e_tag"] or "", modified_s)


@cache
def _open(address: ObjectAddress, endpoint: str) -> "S3Store":
    """Return a client; one per process, address and endpoint.

    Raises:
        MissingExtraError: the extra is not installed.
        StorageError: there are no credentials.
    """
    try:
        from boto3 import Session
        from obstore.auth.boto3 import Boto3CredentialProvider
        from obstore.store import S3Store
    except ImportError as error:
        raise MissingExtraError(
            f'{address}: object stores need an extra: pip install "gridkit[s3]"'
        ) from error
    session = Session()
    if session.get_credentials() is None:
        raise StorageError(f"{address}: no credentials for an object store; {LOG_IN}")
    with storage_errors(address):
        return S3Store(
            address.bucket,
            prefix=address.prefix or None,
            region=session.region_name or "us-east-1",
            config={"endpoint": endpoint} if endpoint else None,
            credential_provider=Boto3CredentialProvider(session),
            client_options={"allow_http": endpoint.startswith("http://")},
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_FOR_S)},
        )
