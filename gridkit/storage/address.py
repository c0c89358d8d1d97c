"""How a place on an object store is written: `s3://BUCKET/PREFIX`."""

import re
from dataclasses import dataclass

from gridkit.errors import UsageError

SCHEME = "s3://"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[\w.+=@-]+(?:/[\w.+=@-]+)*", re.ASCII)
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


@dataclass(frozen=True)
class ObjectAddress:
    """A bucket, and what the names of objects in it begin with."""

    bucket: str
    prefix: str = ""
    """Without "/" at its ends; empty: the whole bucket."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".removesuffix("/")


def is_object_address(text: str) -> bool:
    """Return whether a text claims to name a place on an object store.

    >>> is_object_address("s3://lab/grid"), is_object_address("s3/grid")
    (True, False)
    """
    return text.startswith(SCHEME)


def parse_object_address(text: str, option: str) -> ObjectAddress:
    """Return what `s3://BUCKET/PREFIX` names.

    Args:
        text: as it was written.
        option: where, for the message.

    Raises:
        UsageError: it has another form.

    >>> parse_object_address("s3://lab/corpora/grid/", "--data")
    ObjectAddress(bucket='lab', prefix='corpora/grid')
    """
    bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
    prefix = prefix.removesuffix("/")
    fits = _BUCKET.fullmatch(bucket) and (not prefix or _PREFIX.fullmatch(prefix))
    if not is_object_address(text) or not fits or _DOTS.search(prefix):
        raise UsageError(
            f"{option} {text}: expected s3://BUCKET/PREFIX, as s3://lab/corpora/grid, "
            "of letters, digits and . _ - + = @"
        )
    return ObjectAddress(bucket, prefix)
