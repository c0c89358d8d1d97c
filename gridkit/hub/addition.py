"""A file in the form the Hub's client commits; it reports how much of it was read."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from huggingface_hub import CommitOperationAdd


class CountedAddition(CommitOperationAdd):
    """An addition whose hash is known, so that the client does not read the file for it."""

    def __init__(
        self, path: str, content: Path | bytes, sha256: str, on_position: Callable[[int], None]
    ):
        super().__init__(path, content)
        self.upload_info.sha256 = bytes.fromhex(sha256)
        self._on_position = on_position

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        """Open the content; the client asks for a bar where it uploads."""
        if with_tqdm and isinstance(self.path_or_fileobj, str):
            with _CountedFile(self.path_or_fileobj, self._on_position) as file:
                yield cast(BinaryIO, file)
        else:
            with super().as_file() as file:
                yield file


class _CountedFile(io.FileIO):
    """A file that reports how far it was read."""

    def __init__(self, path: str, on_position: Callable[[int], None]):
        super().__init__(path)
        self._on_position = on_position

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self._on_position(self.tell())
        return chunk or b""
