"""`gridkit evaluate`: score and time any system by one protocol."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridkit.cli.decodings import DECODINGS
from gridkit.cli.executors import executor_options

if TYPE_CHECKING:
    from gridkit.evaluation.options import Options
    from gridkit.evaluation.subset import Subset
    from gridkit.evaluation.systems.spec import ModelSpec
    from gridkit.results.files import Scored

MIN_CALLS = 20
"""Of a timing, by the protocol."""
LINES_OF_LOG = 60
"""Of what a system printed, shown where a dry run fails; the traceback is the end of it."""
EXAMPLE = """\b
Examples:
  gridkit evaluate --model my_model.py --data grid --split s1
  gridkit evaluate --model control:griffin-lim --data grid --split seen4
  gridkit evaluate --model recipes/lipnet-s1 --decoding grammar --data grid --split s1
  gridkit evaluate --model predictions:out/ --data grid --split unseen:test --out results/mine

\b
Older protocols, and what is not known of each:
  lip2wav-2020  its split and its WER's recogniser were never released
  mira-2021     its recogniser; the mfcc distance is in no unit; a clip on
                which PESQ failed was 0
  vca-gan-2021  its recogniser takes mel spectrograms, so its WER is not
                reproduced
  svts-2022     its recogniser, and which of the three PESQ it printed
"""


@click.command("evaluate", epilog=EXAMPLE)
@click.option("--model", required=True, help="control:NAME, a recipe folder, file.py[:factory], "
              "model.pt2, model.onnx, predictions:DIR or hf:ORG/NAME@REVISION.")  # fmt: skip
@click.option("--data", required=True, metavar="DIR",
              help="A prepared corpus: its folder, or hf:ORG/NAME@REVISION.")  # fmt: skip
@click.option("--split", required=True, metavar="NAME[:SUBSET]",
              help="Such as s1 or unseen:val; or a file that lists clips, s2/bbaf1n<TAB>test "
              "in a line.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="RESULT folder.  [default: results/MODEL-SPLIT-SUBSET]")  # fmt: skip
@click.option("--decoding", type=click.Choice(DECODINGS),
              help="How a recipe turns characters into words.  [default: its own way]")  # fmt: skip
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--recogniser", "recognisers", multiple=True, default=("pocketsphinx",),
              show_default=True, help="Transcribes the speech: a name, or a recipe "
              "folder[:DECODING]; several times for several.")  # fmt: skip
@click.option("--protocol", default="gridkit-1", show_default=True,
              help="Or an older one, to compare a system with a paper: lip2wav-2020, mira-2021, "
              "vca-gan-2021, svts-2022.")  # fmt: skip
@click.option("--task", type=click.Choice(["v2s", "lipreading", "recognition"]), default="v2s",
              show_default=True, help="Of a control; systems say their own.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Processes that score.")
@executor_options
@click.option("--gpus-per-task", type=click.FloatRange(min=0), default=0.0, metavar="N",
              help="With --executor ray or slurm: GPUs that each process of the system needs; use "
              "it with --device cuda.")  # fmt: skip
@click.option("--calls", type=click.IntRange(min=MIN_CALLS),
              help="Timed calls; p99 needs 1,000.  [default: 100, or what 60 s allow]")  # fmt: skip
@click.option("--source", type=click.Path(path_type=Path, exists=True), metavar="DIR",
              help="The clips that the corpus was made from, to time what comes before the crop.  "
              "[default: source in the corpus, if it is there]")  # fmt: skip
@click.option("--no-timing", is_flag=True, help="Score only.")
@click.option("--no-controls", is_flag=True, help="Do not score the controls.")
@click.option("--with-references", is_flag=True, help="Evaluate the recipes now, too.")
@click.option("--recipes", metavar="DIR",
              type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Folder of reference systems.  [default: gridkit's own recipes]")  # fmt: skip
@click.option("--beside", multiple=True, type=click.Path(path_type=Path, exists=True),
              metavar="RESULT", help="Another RESULT folder for the table.")  # fmt: skip
@click.option("--record", "recorded", is_flag=True,
              help="Keep the result in the recipe's folder, so that it becomes a reference "
              "row.")  # fmt: skip
@click.option("--allow-missing", is_flag=True, help="Score a part of the split; no rank.")
@click.option("--no-isolation", is_flag=True, help="Do not lock the system in (debugging).")
@click.option(
    "--follow-links", is_flag=True, help="Let the model read what links in its folder lead to."
)
@click.option("--env", "variables", multiple=True, metavar="NAME",
              help="An environment variable that the model gets as it is here; several times for "
              "several.")  # fmt: skip
@click.option("--reads", multiple=True, type=click.Path(path_type=Path, exists=True),
              metavar="PATH", help="A file or folder that the model may read besides its "
              "own.")  # fmt: skip
@click.option("--trust-remote-code", is_flag=True, help="Run Python code from the Hub, locked in.")
@click.option("--dry-run", is_flag=True, help="Check the system on two clips, score nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print result.json.")
def command(
    model: str,
    data: str,
    split: str,
    out: Path | None,
    decoding: str | None,
    device: str,
    recognisers: tuple[str, ...],
    protocol: str,
    task: str,
    workers: int | None,
    executor: str,
    slurm: tuple[str, ...],
    gpus_per_task: float,
    calls: int | None,
    source: Path | None,
    no_timing: bool,
    no_controls: bool,
    with_references: bool,
    recipes: Path | None,
    beside: tuple[Path, ...],
    recorded: bool,
    allow_missing: bool,
    no_isolation: bool,
    follow_links: bool,
    variables: tuple[str, ...],
    reads: tuple[Path, ...],
    trust_remote_code: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Score and time a video-to-speech or lipreading system.

    The system runs in a process of its own that is given frames alone. Its row is printed beside
    the controls and the reference systems, each with its 95 % interval, n and failures;
    report.html shows and plays clips.
    """
    from gridkit.compute.choose import parse_where
    from gridkit.evaluation.options import Options
    from gridkit.evaluation.subset import open_subset
    from gridkit.evaluation.systems.spec import decoded_by, download_model, parse_model
    from gridkit.prepare.from_hub import local_corpus
    from gridkit.recipe.shelf import find_shipped, shipped_folder
    from gridkit.store.reader import open_corpus

    spec = decoded_by(parse_model(model), decoding)
    spec = download_model(spec, trust_remote_code=trust_remote_code)
    subset = open_subset(open_corpus(local_corpus(data)), str(find_shipped(Path(split))))
    options = Options(
        recognisers=tuple(dict.fromkeys(recognisers)),
        protocol=protocol,
        task=task,
        device=device,
        workers=workers,
        where=parse_where(executor, slurm, gpus_per_task),
        isolate=not no_isolation,
        follow_links=follow_links,
        variables=variables,
        reads=reads,
        timed=not no_timing,
        calls=calls,
        source=source,
        allow_missing=allow_missing,
    )
    if dry_run:
        _try(spec, subset, options)
        return
    from gridkit.cli.outcome import show_outcome
    from gridkit.evaluation.record_in_recipe import check_recordable
    from gridkit.evaluation.reference_rows import reference_rows
    from gridkit.evaluation.run import evaluate
    from gridkit.evaluation.scoring.scorer import open_scorer
    from gridkit.results.files import read_scored

    if recorded:
        check_recordable(spec)
    recipes = recipes or shipped_folder()
    results_beside = [read_scored(folder) for folder in beside]
    out = out or Path("results") / _folder_name(spec, subset)
    with open_scorer(subset, options) as scorer:
        scored = evaluate(spec, subset, out, options, scorer)
        others = reference_rows(
            scored,
            subset,
            options,
            recipes,
            controls=not no_controls,
            with_references=with_references,
            others=results_beside,
            scorer=scorer,
        )
    show_outcome(scored, subset, others, as_json=as_json)
    if recorded and spec.path is not None:
        _record(scored, spec.path, split)
    _check_some_scored(scored)


def _try(spec: "ModelSpec", subset: "Subset", options: "Options") -> None:
    from gridkit.errors import GridkitError
    from gridkit.evaluation.predictions.collect import try_out

    try:
        tried = try_out(spec, subset, options)
    except GridkitError as error:
        printed = "\n".join(getattr(error, "__notes__", ())).rstrip().splitlines()
        for line in printed[-LINES_OF_LOG:]:
            click.echo(line, err=True)
        raise
    facts = tried.facts
    rate = f", {facts.sample_rate} Hz" if facts.sample_rate else ""
    kind = facts.crop or "sound"
    click.echo(f"ok: {facts.task} from {kind}{rate}, isolation {facts.isolation}")
    clipped = max((levels.clipped for levels in tried.levels if levels.is_clipped), default=0)
    if clipped:
        click.echo(
            f"but {clipped:.0%} of a clip's samples are at full scale: sound is taken in "
            "[-1, 1], values outside it are clipped",
            err=True,
        )
    if any(levels.inaudible for levels in tried.levels):
        click.echo(
            "but a clip is inaudible (under -80 dBFS, or hardly a sample that is not 0): sound is "
            "taken in [-1, 1], and a result with such clips has no rank",
            err=True,
        )
    if tried.other_length:
        click.echo(
            f"but it takes clips of 75 frames alone ({tried.other_length}): enough for GRID; "
            "docs/wrap-a-model.md shows an export that takes any length",
            err=True,
        )


def _check_some_scored(scored: "Scored") -> None:
    from gridkit.errors import SystemFailedError

    failed = scored.result.failed
    if sum(failed.values()) == scored.result.n:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(failed.items()))
        raise SystemFailedError(
            f"every clip failed ({counts}), so each figure is its floor; "
            f"{scored.folder} says why, clip by clip"
        )


def _record(scored: "Scored", recipe: Path, split: str) -> None:
    from datetime import date

    from gridkit.evaluation.record_in_recipe import record

    kept = record(scored, recipe, split, date.today().isoformat())
    click.echo(f"recorded  {kept.folder}; a row for the README:\n{kept.readme_row}", err=True)


def _folder_name(spec: "ModelSpec", subset: "Subset") -> str:
    """Return a name for a RESULT folder that says which model, on which clips."""
    import re

    parts = (spec.label, spec.decoding, subset.split.name, subset.name)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(part for part in parts if part))
