"""`gridkit compare`: results side by side, pair by pair, with ranks."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from gridkit.results.compare import Comparison
    from gridkit.results.files import Scored

EXAMPLE = """\b
Example:
  gridkit compare results/lipnet results/mine
  gridkit compare results/* --metric wer_pocketsphinx --json
  gridkit compare results/mine results/theirs --video talk.mp4 --data grid
"""


@click.command(epilog=EXAMPLE)
@click.argument("folders", metavar="RESULT RESULT...", nargs=-1, required=True,
                type=click.Path(exists=True, path_type=Path))  # fmt: skip
@click.option("--metric", help="What to compare; the track's headline metric if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--video",
    "video_out",
    metavar="OUT.mp4",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a video that plays clips as each system made them; needs --data.",
)
@click.option(
    "--data",
    metavar="DIR|hf:ORG/NAME@REVISION",
    help="With --video: the corpus of the results, for pictures and the original sound.",
)
@click.option(
    "--clip",
    "clips",
    metavar="ID",
    multiple=True,
    help="With --video: a clip to show, such as s1/bbaf2n; more than once for more.  "
    "[default: best, median and worst of the first RESULT]",
)
def command(
    folders: tuple[Path, ...],
    metric: str | None,
    as_json: bool,
    video_out: Path | None,
    data: str | None,
    clips: tuple[str, ...],
) -> None:
    """Compare evaluated systems on the clips they share.

    Every pair is compared by a paired t-test: over speakers where there are four or more, else
    over clips. p is adjusted by Holm over these pairs. Results that were not scored on the same
    clips, corpus and protocol are refused.

    The video shows each clip with its sentence, first with the original sound, then with that of
    each RESULT in the order given: its name, its spectrogram, its figures on this clip, and what
    the recogniser heard, with wrong words marked.
    """
    from gridkit.results.compare import compare
    from gridkit.results.files import read_scored

    _check_video(video_out, data, clips)
    results = [read_scored(folder) for folder in folders]
    comparison = compare(results, metric)
    names = _names(comparison, folders)
    if as_json:
        click.echo(json.dumps(_content(comparison, folders), indent=2))
    else:
        _print_tables(comparison, names)
    if video_out is not None and data is not None:
        _write_video(video_out, data, clips, results, names)
        if not as_json:
            click.echo(f"look at   {video_out}")


def _check_video(video_out: Path | None, data: str | None, clips: tuple[str, ...]) -> None:
    """Check what belongs to the video before results are read.

    Raises:
        UsageError: an option without the other, or a name that cannot be written.
    """
    if video_out is None:
        if data is not None or clips:
            raise click.UsageError("--data and --clip belong to a video; add --video OUT.mp4")
        return
    if data is None:
        raise click.UsageError(
            "--video needs --data DIR: the corpus of the results, which has the pictures and the "
            "original sound"
        )
    if video_out.suffix.lower() != ".mp4":
        raise click.UsageError(f"--video {video_out}: the name must end in .mp4")
    if not video_out.parent.is_dir():
        raise click.UsageError(f"--video {video_out}: the folder {video_out.parent} does not exist")


def _write_video(
    out: Path, data: str, clips: tuple[str, ...], results: "list[Scored]", names: list[str]
) -> None:
    from gridkit.evaluation.video.film import film_results
    from gridkit.prepare.from_hub import local_corpus
    from gridkit.store.reader import open_corpus

    film_results(results, names, open_corpus(local_corpus(data)), clips, out)


def _print_tables(comparison: "Comparison", names: list[str]) -> None:
    from rich.console import Console

    console = Console()
    console.print(_results_table(comparison, names))
    if comparison.metric != comparison.results[0].rank_metric:
        click.echo(f"No ranks: only {comparison.results[0].rank_metric} is ranked.")
    console.print(_pairs_table(comparison))


def _names(comparison: "Comparison", folders: tuple[Path, ...]) -> list[str]:
    """Return the name of each result; of those that share one, with the folder."""
    names = [result.name for result in comparison.results]
    return [
        f"{name}, {folder}" if names.count(name) > 1 else name
        for name, folder in zip(names, folders, strict=True)
    ]


def _content(comparison: "Comparison", folders: tuple[Path, ...]) -> dict[str, object]:
    from dataclasses import asdict

    from gridkit.results.caveats import flags, result_caveats

    rows = zip(comparison.results, comparison.estimates, comparison.ranks, folders, strict=True)
    return {
        "metric": comparison.metric,
        "clips": comparison.clips,
        "speakers": comparison.speakers,
        "units": "speakers" if comparison.over_speakers else "clips",
        "results": [
            {"folder": str(folder), "system": result.system.entries(), "rank": rank}
            | asdict(estimate)
            | {"failed": dict(result.failed), "missing": result.missing}
            | {"flags": list(flags(result_caveats(result)))}
            for result, estimate, rank, folder in rows
        ],
        "pairs": [
            {key: _finite(value) for key, value in asdict(pair).items()}
            for pair in comparison.pairs
        ],
    }


def _finite(value: float) -> float | None:
    return value if abs(value) != float("inf") else None


def _results_table(comparison: "Comparison", names: list[str]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    from gridkit.results.caveats import flags, result_caveats
    from gridkit.results.wording import describe

    facts = describe(comparison.metric)
    speakers = "speaker" if comparison.speakers == 1 else "speakers"
    scope = "" if comparison.over_speakers else ", these speakers only"
    table = Table(
        title=f"{comparison.clips} clips of {comparison.speakers} {speakers}{scope}",
        title_justify="left",
    )
    table.add_column("", justify="right")
    table.add_column("rank", justify="right")
    table.add_column("system", overflow="fold")
    table.add_column(f"{facts.label} {facts.arrow}", justify="right")
    table.add_column("95 %", justify="right")
    table.add_column("failed", justify="right")
    values = [estimate.value for estimate in comparison.estimates]
    order = sorted(range(len(values)), key=lambda row: facts.badness(values[row]))
    for row in order:
        result, estimate = comparison.results[row], comparison.estimates[row]
        rank = comparison.ranks[row]
        table.add_row(
            _letter(row),
            "" if rank is None else str(rank),
            Text("\n").join(
                [
                    Text(names[row]),
                    *(Text(flag, "dim") for flag in flags(result_caveats(result))),
                ]
            ),
            facts.text(estimate.value),
            facts.interval(estimate.low, estimate.high),
            f"{sum(result.failed.values())}/{result.n}",
        )
    return table


def _pairs_table(comparison: "Comparison") -> "Table":
    from rich.table import Table

    from gridkit.results.wording import describe

    facts = describe(comparison.metric)
    units = "speakers" if comparison.over_speakers else "clips"
    table = Table(title=f"paired t-test over {units}", title_justify="left")
    for heading in ("pair", "difference", "95 %", "p", "p (Holm)"):
        table.add_column(heading, justify="right")
    for pair in comparison.pairs:
        table.add_row(
            f"{_letter(pair.first)} \N{MINUS SIGN} {_letter(pair.second)}",
            facts.text(pair.difference),
            facts.interval(pair.low, pair.high),
            f"{pair.p:.2g}",
            f"{pair.p_holm:.2g}",
        )
    return table


def _letter(row: int) -> str:
    """Return what a result is called in the table of pairs: A, B, ... in the order given.

    >>> _letter(0), _letter(25), _letter(26)
    ('A', 'Z', 'AA')
    """
    before = _letter(row // 26 - 1) if row >= 26 else ""
    return before + chr(ord("A") + row % 26)
