"""What a server's response means for a download: continue, begin again, try later, or stop.

What a server says of the rest of a file (status, `Content-Range`, `ETag`, length) is checked
before a byte is written.

Source: RFC 9110, HTTP semantics (range requests 14, `If-Range` 13.1.5, `Retry-After` 10.2.3).
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from gridkit.errors import NetworkError
from gridkit.prepare.partial import Partial, RemoteFile

_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class TryAgainError(Exception):
    """An attempt failed in a way that may pass."""

    def __init__(self, reason: str, retry_after_s: float = 0.0):
        super().__init__(reason)
        self.retry_after_s = retry_after_s


def continues(response: httpx2.Response, file: RemoteFile, partial: Partial) -> bool:
    """Return whether a response continues where the partial file ends; if not, it begins again.

    Raises:
        TryAgainError: it does not fit the file.
        NetworkError: the server refuses.
    """
    if response.status_code == 416:
        partial.drop()
        raise TryAgainError("has no bytes where the partial file ends")
    check_status(response)
    validator = _validator(response)
    if response.status_code == 206:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        total = str(partial.total_bytes)
        if (
            not partial.resumable
            or match is None
            or int(match[1]) != partial.have_bytes
            or (partial.total_bytes is not None and match[3] not in ("*", total))
            or (validator and partial.validator and validator != partial.validator)
        ):
            offered = response.headers.get("content-range", "no Content-Range")
            have_bytes = partial.have_bytes
            partial.drop()
            raise TryAgainError(f"asked for bytes {have_bytes}- of {total}, it sends {offered}")
        return True
    length = content_length(response)
    if None not in (length, file.size_bytes) and length != file.size_bytes:
        raise TryAgainError(f"offers {length} bytes, expected {file.size_bytes}")
    partial.begin(validator, file.size_bytes if length is None else length)
    return False


def check_status(response: httpx2.Response) -> None:
    """Accept 200 and 206.

    Raises:
        TryAgainError: a status that may pass.
        NetworkError: any other status.
    """
    status = f"{response.status_code} {response.reason_phrase}".strip()
    if response.status_code in _PASSING_STATUSES:
        raise TryAgainError(f"answers {status}", _retry_after_s(response))
    if response.status_code not in (200, 206):
        raise NetworkError(
            f"{response.url} answers {status}; "
            "check that the address is right and that it opens in a browser"
        )


def _retry_after_s(response: httpx2.Response) -> float:
    """Seconds that a server asks to wait: a number or a date; 0 where it asks for nothing."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def content_length(response: httpx2.Response) -> int | None:
    """Return the length that the headers give; None where they do not."""
    text = response.headers.get("content-length", "")
    return int(text) if text.isdecimal() else None


def _validator(response: httpx2.Response) -> str | None:
    """What identifies this version of the file: a strong ETag, else the date of its last change."""
    etag: str = response.headers.get("etag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("last-modified")
