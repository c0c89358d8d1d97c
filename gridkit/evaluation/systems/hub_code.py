"""Code from the Hub, as plain files in a folder that its system may read.

What the Hub's client downloads are links into its cache. Code that resolves its own path, to read
weights beside it, would look for them there.
"""

import os
import shutil
from pathlib import Path

from gridkit.compute.cache import cache_folder
from gridkit.errors import NO_SPACE, DiskFullError, EnvironmentProblem

FOLDER = "systems"
"""In the cache. Of the cache, a system of the Hub may read its own folder there alone."""


def plain_copy(downloaded: Path, repo: str, commit: str) -> Path:
    """Return a folder with the files of a commit, not links to them; made once.

    Args:
        downloaded: the folder that the Hub's client gives.
        repo: ORG/NAME.
        commit: all 40 digits.

    Raises:
        DiskFullError, EnvironmentProblem: the cache cannot be written to.
    """
    folder = cache_folder().resolve() / FOLDER / repo.replace("/", "--") / commit
    if folder.is_dir():
        return folder
    arriving = folder.with_name(f".{commit}-{os.getpid()}")
    try:
        shutil.rmtree(arriving, ignore_errors=True)
        shutil.copytree(downloaded, arriving)
        if not folder.is_dir():  # another run may have been quicker
            arriving.replace(folder)
    except OSError as error:
        kind = DiskFullError if error.errno in NO_SPACE else EnvironmentProblem
        raise kind(f"cannot copy hf:{repo}@{commit} to {folder}: {error}") from error
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return folder


def cache_to_hide(own_folder: Path | None) -> list[Path]:
    """Return what of the cache a system must not reach: all but its own folder, if it is there."""
    cache = cache_folder().resolve()
    if own_folder is None or not own_folder.is_relative_to(cache / FOLDER):
        return [cache]
    return [path for path in cache.iterdir() if path.name != FOLDER]
