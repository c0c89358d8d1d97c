"""`gridkit read`: lipread any clip."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridkit.cli.clip_files import check_out, clip_bar, face_follower
from gridkit.cli.decodings import DECODINGS

if TYPE_CHECKING:
    from gridkit.recipe.reading import Reading

EXAMPLE = """\b
Examples:
  gridkit read clip.mpg
  gridkit read holiday.mp4 --video captioned.mp4
  gridkit read clip.mpg --decoding grammar --json
"""


@click.command(epilog=EXAMPLE)
@click.argument("clip", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--model",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("recipes/lipnet-s1"),
    show_default=True,
    help="Folder of a lipreading recipe; recipes/NAME is one that comes with gridkit.",
)
@click.option(
    "--decoding",
    type=click.Choice(DECODINGS),
    help="How characters become words; grammar: only GRID sentences.  [default: the recipe's]",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option(
    "--video",
    "video_out",
    type=click.Path(path_type=Path),
    help="Also write the clip with captions, as MP4.",
)
@click.option("--json", "as_json", is_flag=True, help="Print sentences and their words as JSON.")
def command(
    clip: Path,
    model: Path,
    decoding: str | None,
    device: str,
    video_out: Path | None,
    as_json: bool,
) -> None:
    """Read the lips of the speaker in CLIP, without sound.

    Prints each sentence, then each of its words with its time in seconds and how sure the model
    is of it, 0 to 1. CLIP may have any length and frame rate. The recipes know GRID's 51 words, and
    read the speakers that they were trained on best.
    """
    import json

    if video_out is not None:
        check_out("--video", video_out, clip, (".mp4",))
    with face_follower(clip) as mouths_in:
        from gridkit.compute.torch_start import start_torch

        start_torch()
        from gridkit.recipe import load_system
        from gridkit.recipe.reading import read_clip
        from gridkit.recipe.reading_text import reading_json
        from gridkit.recipe.shelf import find_shipped

        lipreader = load_system(find_shipped(model), device, decoding, task="lipreading")
        with clip_bar(clip, "read") as progress:
            reading = read_clip(mouths_in([lipreader.crop]), lipreader, progress)
    if as_json:
        click.echo(json.dumps(reading_json(reading)))
    else:
        show_reading(reading)
    if video_out is not None:
        from gridkit.media.captions import write_captioned

        with clip_bar(clip, "captions") as progress:
            write_captioned(clip, reading.captions, video_out, progress)


def show_reading(reading: "Reading") -> None:
    """Print the sentences, or why there are none, and how much of the video shows a face."""
    from gridkit.recipe.reading_text import remarks, why_nothing

    if not reading.sentences:
        click.echo(f"(nothing: {why_nothing(reading)})")
        return
    for sentence in reading.sentences:
        click.echo(" ".join(word.word for word in sentence))
        for word in sentence:
            times = f"{word.start_s:7.2f} {word.end_s:7.2f}"
            click.echo(f"{times}  {word.word:<8} {word.confidence:.2f}")
    for line in remarks(reading):
        click.echo(line)
