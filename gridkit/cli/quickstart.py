"""`gridkit quickstart`: the whole of gridkit once, on clips made on the spot."""

from pathlib import Path

import click

SPLIT = "synthetic-seen"
SYSTEM = "control:griffin-lim"


@click.command("quickstart")
@click.argument(
    "folder", metavar="[DIR]", default="gridkit-quickstart", type=click.Path(path_type=Path)
)
@click.option(
    "--speakers",
    default=4,
    show_default=True,
    type=click.IntRange(min=2),
    help="How many synthetic speakers.",
)
@click.option(
    "--clips", default=15, show_default=True, type=click.IntRange(min=3), help="How many each."
)
def command(folder: Path, speakers: int, clips: int) -> None:
    """Synthesise talking faces, prepare and check them, score a system: no data, no network.

    Leaves DIR/corpus, which trains models (look at preview.png in it), and DIR/result, which ends
    in report.html. The system is the reference audio through a mel spectrogram and back, compared
    with the other controls.

    \b
    Example:
      gridkit quickstart demo
    """
    from gridkit.cli.outcome import show_outcome
    from gridkit.cli.summary import print_summary
    from gridkit.compute.local import usable_cores
    from gridkit.evaluation.options import Options
    from gridkit.evaluation.reference_rows import reference_rows
    from gridkit.evaluation.run import evaluate
    from gridkit.evaluation.scoring.scorer import open_scorer
    from gridkit.evaluation.subset import open_subset
    from gridkit.evaluation.systems.spec import parse_model
    from gridkit.prepare.pipeline import Request, prepare_corpus
    from gridkit.prepare.request import make_settings, synthesize_source
    from gridkit.recipe.shelf import shipped_folder
    from gridkit.store.reader import open_corpus
    from gridkit.store.validate import validate

    source, corpus, result = folder / "source", folder / "corpus", folder / "result"
    synthesize_source(source, speakers, clips)
    request = Request(corpus, source, "synthetic", make_settings(()), workers=usable_cores())
    print_summary(corpus, prepare_corpus(request))
    report = validate(corpus)
    for finding in report.findings:
        click.echo(str(finding))
    click.echo(f"checked   {len(report.findings)} findings\n")
    subset, options = open_subset(open_corpus(corpus), SPLIT), Options()
    with open_scorer(subset, options) as scorer:
        scored = evaluate(parse_model(SYSTEM), subset, result, options, scorer)
        others = reference_rows(scored, subset, options, shipped_folder(), scorer=scorer)
    show_outcome(scored, subset, others)
