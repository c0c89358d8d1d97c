"""Git, as the command that people have; what it refuses is one line."""

import subprocess
from pathlib import Path

from gridkit.errors import EnvironmentProblem, UsageError


def git(folder: Path, *arguments: str) -> str:
    """Return what a git command prints in a folder.

    Raises:
        UsageError: git refuses; its own last line says why.
        EnvironmentProblem: git is not installed.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise EnvironmentProblem("git cannot be run; install it") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UsageError(f"git {arguments[0]} in {folder}: {last}")
    return done.stdout
