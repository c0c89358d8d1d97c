"""The client of the Hugging Face Hub, and one line for each error of it.

The token is the one `huggingface_hub` finds: HF_TOKEN, else what `hf auth login` stored. It is
never an argument, and never printed; one that cannot be sent in a header is refused first.
HF_ENDPOINT is read when a client is made.

Source: huggingface_hub 2.4, `errors` and `hf_raise_for_status`.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gridkit import __version__
from gridkit.errors import (
    DiskFullError,
    GridkitError,
    HubConflictError,
    HubError,
    NetworkError,
    UsageError,
)

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
BAD_TOKEN = (
    "the token for the Hub (HF_TOKEN, else what `hf auth login` stored) has characters that no "
    "token has; copy it again from the Hub's settings, without anything before or after it"
)
_VISIBLE_ASCII = re.compile("[!-~]+")


def open_hub() -> "HfApi":
    """Return a client of the Hub at HF_ENDPOINT, else of huggingface.co.

    Its progress bars are off (gridkit has its own); its warnings, as that it waits before it
    tries again, come without the query of a URL, which may hold a signature.

    Raises:
        HubError: the token cannot be one.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars

    _token()
    if not are_progress_bars_disabled():
        disable_progress_bars()
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_without_queries)  # the same one is added once
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return HfApi(endpoint=endpoint or None, library_name="gridkit", library_version=__version__)


def has_token() -> bool:
    """Return whether `huggingface_hub` finds a token; the Hub alone knows whether it is valid.

    Raises:
        HubError: the token cannot be one.
    """
    return _token() is not None


def _token() -> str | None:
    """Return the token; one that fits no header is refused: the client's error would quote it."""
    from huggingface_hub import get_token

    try:
        token = get_token()
    except UnicodeError:  # a stored one that is not text
        raise HubError(BAD_TOKEN) from None
    if token is not None and not _VISIBLE_ASCII.fullmatch(token):
        raise HubError(BAD_TOKEN)
    return token


@contextmanager
def hub_errors(where: object) -> Iterator[None]:
    """Turn what the Hub's client raises into an error of one line.

    Args:
        where: what is read or written, as `hf:lab/grid@main`; the line begins with it.

    Raises:
        HubConflictError: someone else committed during this run (409, 412).
        HubError: no token, no right, no such repository, revision or file, rate limit, server
            error, or a server that is not a Hugging Face Hub.
        NetworkError: the Hub cannot be reached.
        UsageError: the repository's name is not valid.
        DiskFullError: no space is left for what arrives.
    """
    try:
        yield
    except GridkitError:
        raise
    except Exception as error:
        for cause in _causes(error):
            if (explained := _explained(cause, where)) is not None:
                raise explained from error
        raise


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from: the client wraps what happened in threads."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _explained(error: BaseException, where: object) -> GridkitError | None:
    """Return an error of one line, None for an error that does not come from the Hub."""
    import httpx2
    from huggingface_hub import errors

    if isinstance(error, errors.HfHubHTTPError):
        return _response_error(error, where)
    if isinstance(error, errors.LocalTokenNotFoundError):
        return HubError(f"{where}: no token for the Hub; {LOG_IN}")
    if isinstance(error, errors.HFValidationError):
        return UsageError(f"{where}: not the name of a repository; expected ORG/NAME")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return NetworkError(f"{where}: HF_HUB_OFFLINE is set, and this needs the Hub; unset it")
    if isinstance(error, errors.FileMetadataError):
        return HubError(
            f"{where}: the server at HF_ENDPOINT is not a Hugging Face Hub; check "
            "HF_ENDPOINT, proxy and firewall"
        )
    if isinstance(error, httpx2.LocalProtocolError):
        # its text quotes headers, the token's among them
        return NetworkError(f"{where}: the request cannot be sent; check HF_TOKEN and HF_ENDPOINT")
    if isinstance(error, httpx2.HTTPError):
        return NetworkError(
            f"{where}: the Hub cannot be reached ({type(error).__name__}: {_first_line(error)}); "
            "check the connection and HF_ENDPOINT, then run again"
        )
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return NetworkError(f"{where}: a file did not arrive whole; run again")
    if isinstance(error, OSError) and "o space left" in str(error):
        return DiskFullError(f"{where}: no space left; free some and run again")
    return None


def _response_error(error: "HfHubHTTPError", where: object) -> HubError:
    """Return one line for a response that is an error."""
    status, message = error.response.status_code, _server_message(error)
    why = f" ({message})" if message else ""
    if (missing := _missing(error)) is not None:
        return HubError(f"{where}: {missing}")
    if status == 401:
        return HubError(f"{where}: {_access_problem(message or str(error), error)}")
    if status == 403:
        return HubError(
            f"{where}: no right to do this{why}; use a token with write access, of an account that "
            "may write there (`hf auth whoami`)"
        )
    if status in (409, 412):
        return HubConflictError(
            f"{where}: someone else changed it during this run{why}; check it, then run again"
        )
    if status == 429:
        wait = error.response.headers.get("Retry-After", "")
        soon = f"in {wait} s" if wait.isdigit() else "later"
        return HubError(f"{where}: the Hub's rate limit is reached; run again {soon}")
    if status >= 500:
        return HubError(f"{where}: the Hub fails with {status}{why}; run again later")
    return HubError(f"{where}: the Hub refuses with {status}{why}")


def _missing(error: "HfHubHTTPError") -> str | None:
    """Return what is missing, or not for this account; None for another kind of response."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return f"its owners grant access; ask for it on its page, and {LOG_IN}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return _access_problem("", error)
    if isinstance(error, errors.RevisionNotFoundError):
        return "no such revision; its page lists branches, tags and commits"
    if isinstance(error, errors.EntryNotFoundError):
        path = error.response.url.path.rpartition("/resolve/")[2].partition("/")[2]
        return f"it has no file {path}"
    return None


def _access_problem(message: str, error: "HfHubHTTPError") -> str:
    """Return what a 401 means: the Hub answers so for a missing repository as well."""
    refused = error.response.status_code == 401
    if re.search("invalid (user token|credentials)", message, re.IGNORECASE):
        return f"the Hub does not know the token; {LOG_IN}, with a new one"
    if not has_token():
        return f"no such repository, or one that needs a token; check the name, or {LOG_IN}"
    if refused and error.response.request.method not in ("GET", "HEAD"):
        # a repository is found before anyone writes to it
        return f"the Hub does not accept the token, which may have expired; {LOG_IN}"
    return (
        "no such repository, or a private one that the token may not read; check the name, and "
        "whose token it is (`hf auth whoami`)"
    )


def _server_message(error: "HfHubHTTPError") -> str:
    return _first_line(error.response.headers.get("X-Error-Message") or error.server_message or "")


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]


def _without_queries(record: logging.LogRecord) -> bool:
    record.msg, record.args = re.sub(r"\?\S+", "", record.getMessage()), ()
    return True
