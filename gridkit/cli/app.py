"""`gridkit app`: the page where anyone can try the recipes."""

from pathlib import Path

import click

EXAMPLE = """\b
Examples:
  gridkit app
  gridkit app --port 8000 --no-browser
  gridkit app --space my-space
"""


@click.command(epilog=EXAMPLE)
@click.option(
    "--recipes",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of recipes to offer.  [default: those that come with gridkit]",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; any but the loopback lets other machines in.",
)
@click.option(
    "--port",
    default=7860,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen at; 0 takes a free one.",
)
@click.option(
    "--longest",
    "longest_min",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Minutes that a clip may have.",
)
@click.option(
    "--largest",
    "largest_mb",
    default=200,
    show_default=True,
    type=click.IntRange(1),
    help="MB that a clip may have.",
)
@click.option(
    "--space",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Do not open the page, but write it as a folder for a Space of the Hugging Face Hub.",
)
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
def command(
    recipes: Path | None,
    host: str,
    port: int,
    longest_min: float,
    largest_mb: int,
    space: Path | None,
    browser: bool,
) -> None:
    """Open a page that reads lips and gives voices, from a clip or the webcam.

    Clips stay on this machine, and are deleted when the page is left. Ctrl-C ends the page.
    """
    import webbrowser

    if space is not None:
        from gridkit.app.space import write_space
        from gridkit.recipe.shelf import shipped_folder

        names = write_space(space, recipes or shipped_folder())
        click.echo(f"{space}: the page with {', '.join(names)}; python {space / 'app.py'}")
        return
    from gridkit.app.serve import has_screen, serve
    from gridkit.app.settings import Settings

    settings = Settings(
        recipes=recipes,
        host=host,
        port=port,
        largest_mb=largest_mb,
        longest_s=60 * longest_min,
    )

    def opened(address: str) -> None:
        click.echo(f"look at   {address}   (Ctrl-C ends it)")
        if browser and has_screen():
            webbrowser.open(address)

    serve(settings, opened)
