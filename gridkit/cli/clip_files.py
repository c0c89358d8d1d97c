"""What commands that take any clip share: the check of the file they write, and the progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

SHORT_S = 10.0
"""Progress is shown for clips longer than this."""


def check_out(option: str, out: Path, clip: Path, suffixes: tuple[str, ...]) -> None:
    """Check the name of a file before a long clip is worked on.

    Raises:
        UsageError: it cannot be written there, or would replace the clip itself.
    """
    if out.suffix.lower() not in suffixes:
        raise click.UsageError(f"{option} {out}: the name must end in {' or '.join(suffixes)}")
    if not out.parent.is_dir():
        raise click.UsageError(f"{option} {out}: the folder {out.parent} does not exist")
    if out.is_dir():
        raise click.UsageError(f"{option} {out}: this is a folder; give the name of a file")
    if out.exists() and out.samefile(clip):
        raise click.UsageError(f"{option} {out}: this is the clip itself; give another name")


@contextmanager
def clip_bar(clip: Path, label: str) -> Iterator[Callable[[float], None]]:
    """Show how many seconds of a clip are done."""
    from gridkit.media.stream import PictureStream

    with PictureStream(clip) as stream:
        length_s = stream.info.length_s
    if length_s <= SHORT_S:
        yield lambda _: None
        return
    from gridkit.compute.progress import Progress

    with Progress(label, total=round(length_s), unit="s") as bar:
        shown_s = 0

        def show(done_s: float) -> None:
            nonlocal shown_s
            bar.advance(int(done_s) - shown_s)
            shown_s = int(done_s)

        yield show
