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


def face_line(face_share: float) -> str:
    """Say in how much of a clip a face was found: 100 % where it is in every frame.

    >>> face_line(0.998)
    'a face was found in 99 % of the frames'
    """
    percent = round(100 * face_share)
    return f"a face was found in {min(percent, 99 if face_share < 1 else 100)} % of the frames"


def faces_line(faces: int) -> str:
    """Say which face counts where there are several.

    >>> faces_line(2)
    '2 faces in one picture: the one whose lips move most counts'
    """
    return f"{faces} faces in one picture: the one whose lips move most counts"


def unseen_line(start_s: float, end_s: float) -> str:
    """Say where words may be missing.

    >>> unseen_line(1.2, 1.8)
    'no face from 1.20 to 1.80 s: words may be missing or guessed there'
    """
    return f"no face from {start_s:.2f} to {end_s:.2f} s: words may be missing or guessed there"


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
