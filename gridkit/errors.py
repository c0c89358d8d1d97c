"""The exceptions that users can see, and the exit status that each one gives a command.

A message says what happened, where (clip, file, line) and what to do next, in one line.
Anything that is not a `GridkitError` is a bug in gridkit and ends with a traceback.
"""

import errno

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_ENVIRONMENT = 4
EXIT_NETWORK = 5
EXIT_CHECK_FAILED = 6
EXIT_NOT_WHOLE = 7
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE, as any tool whose output is no longer read."""

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What an `OSError` has as its number where the disk, or a quota, is full."""


def printable(text: str) -> str:
    """Return text that a terminal shows and does not obey: no escape sequences.

    >>> printable("a\\x1b[31mb")
    'a?[31mb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


class GridkitError(Exception):
    """Base of all errors that a user can fix; the text may quote what others named."""

    exit_status = EXIT_BUG

    def __str__(self) -> str:
        """Return the message, fit for a terminal."""
        return printable(super().__str__())


class UsageError(GridkitError):
    """The command was asked for something it does not offer."""

    exit_status = EXIT_USAGE


class InputError(GridkitError):
    """The input cannot be used."""

    exit_status = EXIT_INPUT


class CodeError(InputError, ValueError):
    """A clip code, or a list of words, that is not a GRID sentence."""


class AlignmentError(InputError):
    """An alignment file that breaks the format."""


class SplitError(InputError):
    """A split list that cannot be read, or that leaks."""


class ArchiveError(InputError):
    """An archive that is damaged, encrypted, or not safe to unpack."""


class MediaError(InputError):
    """A clip whose streams cannot be decoded or encoded."""


class ProfileError(InputError):
    """A crop profile that breaks the format."""


class LandmarkModelError(InputError):
    """A landmark model that is missing, or does not find 68 points."""


class CorpusError(InputError):
    """A prepared corpus that is missing, unfinished, damaged or too new."""


class ResultError(InputError):
    """A result folder that is missing, unfinished, damaged or too new, or cannot be compared."""


class ModelChangedError(InputError):
    """A model whose files changed while it was evaluated."""


class SubmissionError(InputError):
    """A submission to the board that cannot be taken; `code` says which rule it breaks."""

    def __init__(self, code: str, detail: str):
        super().__init__(detail)
        self.code = code


class SystemLoadError(InputError):
    """A model that cannot be loaded, or that breaks the contract of a system."""


class SystemFailedError(InputError):
    """A model that failed where its answer is needed: while it was timed or tested."""


class MetricError(InputError):
    """A metric that raised an exception or is not finite for a clip: the clip's failure."""

    def __init__(self, metric: str, detail: str):
        super().__init__(f"{metric}: {detail}")
        self.metric = metric


class PairError(InputError, ValueError):
    """A reference and a prediction that cannot be scored: of another type, length or rate."""


class RecipeError(InputError):
    """A recipe whose settings or weights do not fit."""


class CheckpointError(InputError):
    """A checkpoint that is damaged, or of another run."""


class TrainingError(InputError):
    """Training that cannot continue: no clips, or a loss that is not a number."""


class WorkFailedError(InputError):
    """A part of the work failed as often as it was tried; the rest of it is done."""


class EnvironmentProblem(GridkitError):
    """The machine lacks something: an extra, a permission, space, a free folder."""

    exit_status = EXIT_ENVIRONMENT


class MissingExtraError(EnvironmentProblem):
    """An optional dependency is not installed."""


class LockedError(EnvironmentProblem):
    """Another run works in the same folder."""


class DiskFullError(EnvironmentProblem):
    """There is no space left for what has to be written."""


class NetworkError(GridkitError):
    """A server could not be reached, or sent what it should not."""

    exit_status = EXIT_NETWORK


class HubError(NetworkError):
    """The Hugging Face Hub refused, failed, or does not have what was asked for."""


class HubConflictError(HubError):
    """Someone else changed a repository on the Hub meanwhile."""


class StorageError(NetworkError):
    """An object store cannot be reached, refused, failed, or lacks the bucket."""


class ChecksumError(NetworkError):
    """A download whose hash is not the one its publisher gives."""


class SourceNotWholeError(GridkitError):
    """The corpus was made, but a folder of its source could not be listed."""

    exit_status = EXIT_NOT_WHOLE


class CheckFailed(GridkitError):
    """A check found something; the findings were printed."""

    exit_status = EXIT_CHECK_FAILED


class Interrupted(GridkitError):
    """The user ended the command with Ctrl-C."""

    exit_status = EXIT_INTERRUPTED
