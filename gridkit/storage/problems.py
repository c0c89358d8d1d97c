"""What the client of an object store raises, as an error of one line that holds no secret.

The client's own texts quote requests and answers at length; of these only the code of the server
(`NoSuchBucket`) is shown.

Source: obstore 0.12, `obstore.exceptions`; Amazon S3 API Reference, "Error responses".
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gridkit.errors import GridkitError, StorageError

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"\b([345]\d\d) [A-Z]\w+")
_NOT_ACCEPTED = frozenset(
    "InvalidAccessKeyId SignatureDoesNotMatch InvalidToken ExpiredToken TokenRefreshRequired "
    "InvalidClientTokenId AuthFailure UnrecognizedClientException".split()
)
LOG_IN = (
    "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or AWS_PROFILE "
    "(`aws sts get-caller-identity` says who you are)"
)
PLACE = "check bucket, AWS_REGION and AWS_ENDPOINT_URL"


class ObjectExistsError(Exception):
    """An object that was to be new is there already."""


class ObjectChangedError(Exception):
    """An object that was to be replaced is another one by now."""


@contextmanager
def storage_errors(where: object, *, writes: bool = False) -> Iterator[None]:
    """Turn what the client raises into an error of one line.

    Args:
        where: what is read or written; the line begins with it.
        writes: whether the block writes.

    Raises:
        FileNotFoundError: there is no such object.
        ObjectExistsError, ObjectChangedError: a condition was not met.
        StorageError: everything else that the store, or the way to it, is the reason of.
    """
    try:
        yield
    except GridkitError:
        raise
    except Exception as error:
        explained = _explained(error, where, writes)
        if explained is None:
            raise
        raise explained from error


def _explained(error: Exception, where: object, writes: bool) -> Exception | None:
    """Return what an error means; None where it does not come from the client."""
    from botocore.exceptions import BotoCoreError
    from obstore import exceptions

    text = str(error)
    code = match[1] if (match := _CODE.search(text)) else ""
    if isinstance(error, BotoCoreError):
        return StorageError(f"{where}: no credentials ({type(error).__name__}); {LOG_IN}")
    if not isinstance(error, exceptions.BaseError | FileNotFoundError):
        return None
    if code == "NoSuchBucket":
        return StorageError(f"{where}: there is no such bucket; make it, or {PLACE}")
    if code in _NOT_ACCEPTED:
        return StorageError(
            f"{where}: the store does not accept the credentials ({code}); {LOG_IN}"
        )
    if isinstance(error, exceptions.AlreadyExistsError):
        return ObjectExistsError(str(where))
    if isinstance(error, exceptions.PreconditionError):
        return ObjectChangedError(str(where))
    if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError):
        right = "write" if writes else "read"
        return StorageError(
            f"{where}: no right to {right} here{f' ({code})' if code else ''}; ask the bucket's "
            f"owner for it, or {LOG_IN}"
        )
    if isinstance(error, exceptions.NotFoundError | FileNotFoundError):
        return FileNotFoundError(str(where))
    status = match[1] if (match := _STATUS.search(text)) else ""
    if code or status:
        return StorageError(
            f"{where}: the store fails with {code or status}; {PLACE}, or run again"
        )
    return StorageError(f"{where}: the store cannot be reached; {PLACE}, then run again")
