"""How to evaluate: what a person may choose."""

from dataclasses import dataclass, field
from pathlib import Path

from gridkit.compute.choose import Where
from gridkit.evaluation.sandbox.limits import Limits
from gridkit.results.records import PROTOCOL


@dataclass(frozen=True)
class Options:
    """How to evaluate."""

    recognisers: tuple[str, ...] = ("pocketsphinx",)
    """Names, or folders of recipes; they transcribe what a video-to-speech system says."""
    protocol: str = PROTOCOL
    task: str = "v2s"
    """Of controls and of a folder of predictions; a system says its own."""
    device: str = "cpu"
    workers: int | None = None
    """Processes that score; None: all cores."""
    isolate: bool = True
    follow_links: bool = False
    """Whether a system may read what links in its folder lead to."""
    variables: tuple[str, ...] = ()
    """Names of environment variables that a system is given as they are here."""
    reads: tuple[Path, ...] = ()
    """Files and folders that a system may read besides its own."""
    timed: bool = True
    calls: int | None = None
    """Timed calls; None: those of the protocol."""
    source: Path | None = None
    """Folder of the source clips, to time what comes before the crop; None: the corpus's own."""
    allow_missing: bool = False
    where: Where = field(default_factory=Where)
    """On which machines; it moves no figure."""
    limits: Limits | None = None
    """How long a system may take; None: the limits of the protocol. Recorded with the result."""
