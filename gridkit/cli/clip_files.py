"""What commands that take any clip share: the check of the file they write, who follows the face,
and the progress.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gridkit.compute.progress import Progress
    from gridkit.media.mouths import MouthStream

SHORT_S = 10.0
"""Progress is shown from here on."""
TRACKING = "gridkit.media.mouth_tracking"


def check_out(
    option: str, out: Path, clip: Path, suffixes: tuple[str, ...], captions: Path | None = None
) -> None:
    """Check the name of a file, and of the one with its captions, before a long clip is worked on.

    Raises:
        UsageError: it cannot be written there, or would replace the clip itself.
    """
    if out.suffix.lower() not in suffixes:
        raise click.UsageError(f"{option} {out}: the name must end in {' or '.join(suffixes)}")
    if not out.parent.is_dir():
        raise click.UsageError(f"{option} {out}: the folder {out.parent} does not exist")
    _check_place(f"{option} {out}: this", out, clip)
    if captions is not None:
        _check_place(f"{option} {out}: its captions file {captions}", captions, clip)


def _check_place(told: str, path: Path, clip: Path) -> None:
    if path.is_dir():
        raise click.UsageError(f"{told} is a folder; give another name")
    if path.exists() and path.samefile(clip):
        raise click.UsageError(f"{told} is the clip itself; give another name")


@contextmanager
def face_follower(clip: Path) -> "Iterator[Callable[[Collection[str]], MouthStream]]":
    """Give a function that returns the speaker's mouth, in the crops that it is given.

    The face is followed in another process, which loads while this one loads a model.
    """
    from gridkit.compute.producer import Producer
    from gridkit.media.mouths import MouthStream

    with Producer(f"{TRACKING}:load") as process:
        yield lambda crops: MouthStream(process.call(f"{TRACKING}:mouth_pieces", clip, crops))


@contextmanager
def clip_bar(clip: Path, label: str) -> Iterator[Callable[[float], None]]:
    """Show how many seconds of a clip are done, where it is a long one."""
    with ExitStack() as stack:
        bar: Progress | None = None
        shown_s = 0

        def show(done_s: float) -> None:
            nonlocal bar, shown_s
            if done_s <= SHORT_S or (length_s := clip_length_s()) <= SHORT_S:
                return
            if bar is None:
                from gridkit.compute.progress import Progress

                shown_s = int(done_s)
                bar = Progress(label, round(length_s), unit="s", done=shown_s)
                stack.enter_context(bar)
            bar.advance(int(done_s) - shown_s)
            shown_s = int(done_s)

        @cache
        def clip_length_s() -> float:
            """Return what the file says, 0 where it does not."""
            from gridkit.media.stream import PictureStream

            with PictureStream(clip) as stream:
                return stream.info.length_s

        yield show
