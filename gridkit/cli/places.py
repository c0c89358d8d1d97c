"""Where a corpus lies, as a command is given it: a folder, or `s3://BUCKET/PREFIX`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gridkit.storage.address import ObjectAddress
    from gridkit.storage.objects import ObjectFolder


class Place(click.ParamType):
    """A folder as a path, or an address on an object store."""

    name = "place"

    def __init__(self, *, file_okay: bool = True):
        self._path = click.Path(file_okay=file_okay, path_type=Path)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Path | ObjectAddress":
        """Return the place; raises UsageError for an address of another form."""
        from gridkit.storage.address import is_object_address, parse_object_address

        if isinstance(value, str) and is_object_address(value):
            return parse_object_address(value, "DIR")
        path: Path = self._path.convert(value, param, ctx)  # type: ignore[arg-type]
        return path


def objects_at(place: "Path | ObjectAddress") -> "ObjectFolder | None":
    """Return the place on an object store; None for a folder."""
    from gridkit.storage.objects import ObjectFolder

    return None if isinstance(place, Path) else ObjectFolder(place)


@contextmanager
def described_at(place: "Path | ObjectAddress") -> "Iterator[tuple[Path, ObjectFolder | None]]":
    """Give a folder with a corpus, and where its shards are, if they are on an object store."""
    from gridkit.prepare.from_objects import described_corpus
    from gridkit.store.corpus_file import CORPUS_NAME

    objects = objects_at(place)
    if objects is None:
        assert isinstance(place, Path)
        yield place, None
        return
    with TemporaryDirectory(prefix="gridkit-") as name:
        content, _ = described_corpus(objects, Path(name))
        Path(name, CORPUS_NAME).write_bytes(content)
        yield Path(name), objects
