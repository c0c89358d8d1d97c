"""`gridkit quickstart`: the whole of gridkit once, on clips made on the spot."""

from pathlib import Path

import click


@click.command("quickstart")
@click.argument(
    "folder", metavar="[DIR]", default="gridkit-quickstart", type=click.Path(path_type=Path)
)
@click.option("--speakers", default=4, show_default=True, type=click.IntRange(min=2))
@click.option("--clips", default=15, show_default=True, type=click.IntRange(min=3))
def command(folder: Path, speakers: int, clips: int) -> None:
    """Synthesise talking faces, prepare them, check the corpus: no data, no network.

    Leaves DIR/corpus, which trains models, and DIR/corpus/preview.png, which shows the mouths.

    \b
    Example:
      gridkit quickstart demo
    """
    from gridkit.cli.summary import print_summary
    from gridkit.compute.local import usable_cores
    from gridkit.prepare.pipeline import Request, prepare_corpus
    from gridkit.prepare.request import make_settings, synthesize_source
    from gridkit.store.validate import validate

    source, corpus = folder / "source", folder / "corpus"
    synthesize_source(source, speakers, clips)
    request = Request(corpus, source, "synthetic", make_settings(()), workers=usable_cores())
    print_summary(corpus, prepare_corpus(request))
    report = validate(corpus)
    for finding in report.findings:
        click.echo(str(finding))
    click.echo(f"checked   {len(report.findings)} findings")
