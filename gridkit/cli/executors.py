"""Options of the commands whose work can run on other machines."""

from collections.abc import Callable
from typing import Any

import click


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--executor` and `--slurm` to a command."""
    where = click.option(
        "--executor",
        default="local",
        show_default=True,
        metavar="WHERE",
        help="local (processes of this machine), ray, ray:ADDRESS or slurm: machines that share "
        "the folders (docs/scale-out.md).",
    )
    slurm = click.option(
        "--slurm",
        multiple=True,
        metavar="KEY=VALUE",
        help="With --executor slurm: jobs=16 and minutes=60 of the job array, or an option of "
        "sbatch such as partition=main; several times for several.",
    )
    return where(slurm(command))
