"""The process that a system of a run answers in: what it is given, and what it must not reach."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gridkit.errors import UsageError
from gridkit.evaluation.options import Options
from gridkit.evaluation.sandbox.policy import given_variables
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.hub_code import cache_to_hide
from gridkit.evaluation.systems.spec import ModelSpec


def worker_of(
    spec: ModelSpec,
    subset: Subset,
    options: Options,
    out: Path | None = None,
    *,
    before_start: Callable[[], None] | None = None,
) -> Worker:
    """Return the process of a system, not started; corpus and results are out of its reach.

    Args:
        spec: the system.
        subset: the clips that it will be asked about.
        options: device, limits, isolation, and what it is given besides.
        out: the RESULT folder, where there is one.
        before_start: called before each process is started.

    Raises:
        UsageError: a variable that it is to be given is not set; or it is code from the Hub, and
            not to be locked in.
    """
    if spec.is_on_hub and spec.kind == "python" and not options.isolate:
        raise UsageError(
            f"--no-isolation: {spec.text} is code from the Hub, which runs locked in only"
        )
    _settle_access_times(subset.corpus.folder)
    hidden = [subset.corpus.folder, *cache_to_hide(spec.own_folder), *([out] if out else [])]
    return Worker(
        spec,
        device=options.device,
        limits=options.limits,
        profiles=tuple(subset.corpus.file.profiles),
        hidden=hidden,
        isolate=options.isolate,
        readable=options.reads,
        variables=given_variables(os.environ, options.variables),
        follow_links=options.follow_links,
        before_start=before_start,
    )


def _settle_access_times(folder: Path) -> None:
    """Read a byte of each shard of a corpus.

    Whoever knows a path may ask when the file was last read, and so which shard holds the clip
    that is asked about. File systems note a reading once a day at most (`relatime`): it is now.
    """
    for shard in folder.glob("data/**/*.parquet"):
        with suppress(OSError), shard.open("rb", buffering=0) as file:
            file.read(1)
