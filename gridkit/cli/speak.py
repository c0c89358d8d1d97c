"""`gridkit speak`: give any clip a voice."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridkit.cli.clip_files import check_out, clip_bar, face_follower
from gridkit.media.subtitles import captions_file

if TYPE_CHECKING:
    from gridkit.recipe.spoken_file import SpokenFile

SUFFIXES = (".wav", ".mp4", ".mkv")
"""Those of `gridkit.recipe.spoken_file`, which brings torch: `--help` does not wait for it."""
READER = Path("recipes/lipnet-s1")

EXAMPLE = """\b
Examples:
  gridkit speak clip.mpg -o speech.wav
  gridkit speak holiday.mp4 -o voiced.mp4 --captions
  gridkit speak clip.mpg -o speech.wav --model runs/mine --json
"""


@click.command(epilog=EXAMPLE)
@click.argument("clip", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to: .wav is the sound alone; .mp4 or .mkv is the clip with it.",
)
@click.option(
    "--model",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("recipes/v2s-mel-s1"),
    show_default=True,
    help="Folder of a video-to-speech recipe; recipes/NAME is one that comes with gridkit.",
)
@click.option(
    "--captions",
    is_flag=True,
    help="Also write what a lipreader reads: a .vtt file beside a .wav, a text track in a video.",
)
@click.option(
    "--reader",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"With --captions: folder of the lipreading recipe.  [default: {READER}]",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(
    clip: Path,
    out: Path,
    model: Path,
    captions: bool,
    reader: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Make speech for the speaker in CLIP, from the pictures alone.

    The sound is as long as the pictures and in step with them; where no face is, it is silent. CLIP
    may have any length, frame rate and size, and needs no sound: its own is not used. The recipes
    know GRID's 51 words, and speak best for the speakers that they were trained on.
    """
    check_out("-o", out, clip, SUFFIXES, captions_file(out) if captions else None)
    if reader is not None and not captions:
        raise click.UsageError("--reader belongs to captions; add --captions")
    import json

    with face_follower(clip) as mouths_in:
        from gridkit.compute.torch_start import start_torch

        start_torch(with_generators=True)
        from gridkit.recipe import load_system
        from gridkit.recipe.shelf import find_shipped
        from gridkit.recipe.spoken_file import write_spoken

        voice = load_system(find_shipped(model), device, task="v2s")
        lipreader = None
        if captions:
            lipreader = load_system(find_shipped(reader or READER), device, task="lipreading")
        mouths = mouths_in({voice.crop} if lipreader is None else {voice.crop, lipreader.crop})
        spoken = write_spoken(clip, mouths, out, voice, lipreader, partial(clip_bar, clip))
    if as_json:
        click.echo(json.dumps(spoken_json(out, spoken)))
    else:
        show_spoken(out, spoken)


def show_spoken(out: Path, spoken: "SpokenFile") -> None:
    """Print what was written, and how much of the clip shows a face."""
    from gridkit.recipe.reading_text import face_line, faces_line, unseen_line

    speech = spoken.speech
    pictures = ""
    if spoken.encoded is not None:
        pictures = f"; pictures encoded again as H.264: {spoken.encoded}"
    elif out.suffix.lower() != ".wav":
        pictures = "; pictures copied"
    click.echo(f"{out}: {speech.length_s:.2f} s of speech{pictures}")
    if speech.reading is not None:
        count = len(speech.reading.sentences)
        click.echo(f"{spoken.captions}: captions, {count} sentence{'' if count == 1 else 's'}")
        for gap in speech.reading.unseen:
            click.echo(unseen_line(gap.start_s, gap.end_s))
    if speech.face_share < 1:
        click.echo(f"{face_line(speech.face_share)}; silence elsewhere")
    if speech.faces > 1:
        click.echo(faces_line(speech.faces))


def spoken_json(out: Path, spoken: "SpokenFile") -> dict[str, Any]:
    """Return what was written as `--json` prints it, times in seconds to the millisecond."""
    from gridkit.recipe.reading_text import sentence_json, unseen_json

    speech, reading = spoken.speech, spoken.speech.reading
    return {
        "out": str(out),
        "length_s": round(speech.length_s, 3),
        "face_share": speech.face_share,
        "faces": speech.faces,
        "encoded_again": spoken.encoded,
        "captions": None if spoken.captions is None else str(spoken.captions),
        "sentences": None if reading is None else [sentence_json(s) for s in reading.sentences],
        "unseen": None if reading is None else unseen_json(reading),
    }
