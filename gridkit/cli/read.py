"""`gridkit read`: lipread any clip."""

from pathlib import Path

import click

EXAMPLE = """\b
Examples:
  gridkit read clip.mpg
  gridkit read holiday.mp4 --video captioned.mp4
"""


@click.command(epilog=EXAMPLE)
@click.argument("clip", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--model",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("recipes/lipnet-s1"),
    show_default=True,
    help="Folder of a lipreading recipe.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--video", "video_out", type=click.Path(path_type=Path), help="Clip with captions.")
@click.option("--json", "as_json", is_flag=True, help="Print words, times, confidence as JSON.")
def command(clip: Path, model: Path, device: str, video_out: Path | None, as_json: bool) -> None:
    """Say what the speaker in CLIP says, by the lips alone.

    Prints each word with its time in seconds and how sure the model is of it, 0 to 1. The
    recipes know GRID's 51 words, and best the speakers they were trained on.
    """
    import json
    from dataclasses import asdict

    from gridkit.recipe import load_system
    from gridkit.recipe.reading import read_clip

    reading = read_clip(clip, load_system(model, device))
    if as_json:
        click.echo(json.dumps([asdict(word) for word in reading.words]))
    else:
        click.echo(" ".join(word.word for word in reading.words) or "(nothing)")
        for word in reading.words:
            click.echo(
                f"{word.start_s:7.2f} {word.end_s:7.2f}  {word.word:<8} {word.confidence:.2f}"
            )
        if reading.face_share < 1:
            click.echo(f"a face was found in {100 * reading.face_share:.0f} % of the frames")
    if video_out is not None:
        from gridkit.corpus.records import RATE_FPS
        from gridkit.media.captions import write_captioned

        lines = [
            " ".join(word.word for word in reading.words if word.start_s <= frame / RATE_FPS)
            for frame in range(len(reading.video.luma))
        ]
        write_captioned(clip, reading.video, lines, video_out)
