"""`gridkit publish`: a prepared corpus, a recipe or a `.py` system, to the Hugging Face Hub."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridkit.hub.address import DEFAULT_REVISION

if TYPE_CHECKING:
    from gridkit.publish.comparison import Target
    from gridkit.publish.model import PublishedModel
    from gridkit.publish.place import Preview
    from gridkit.publish.upload import Outcome

EXAMPLE = """\b
Example:
  gridkit publish grid --repo me/grid --dry-run
  gridkit publish grid --repo me/grid --private
  gridkit publish recipes/lipnet-s1 --repo me/lipnet --dataset me/grid
  gridkit publish model/my_model.py --repo me/gan --result results/mine
"""


@click.command(epilog=EXAMPLE)
@click.argument("source", metavar="DIR|SYSTEM.py[:FACTORY]")
@click.option("--repo", required=True, metavar="ORG/NAME", help="Made where missing.")
@click.option(
    "--revision",
    default=DEFAULT_REVISION,
    show_default=True,
    metavar="BRANCH",
    help="Branch to commit to; made from main where missing.",
)
@click.option("--create-pr", is_flag=True, help="Open a pull request instead of committing.")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option(
    "--dataset",
    metavar="ORG/NAME",
    help="Of a model: the corpus on the Hub that its results were measured on.",
)
@click.option(
    "--result",
    "results",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="RESULT",
    help="Of a .py system: a result to publish with it; several times for several splits.",
)
@click.option("--dry-run", is_flag=True, help="List what would be sent; send nothing.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    source: str,
    repo: str,
    revision: str,
    create_pr: bool,
    private: bool,
    dataset: str | None,
    results: tuple[Path, ...],
    dry_run: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Publish what DIR holds: a prepared corpus as a dataset, a recipe or .py system as a model.

    A corpus is checked first (`gridkit validate`); load_dataset reads it. A recipe goes with its
    weights, results and card. A .py system goes with all that lies in its folder, but hidden
    files; its README.md says the licence. `gridkit evaluate --model hf:ORG/NAME@REVISION` runs
    either. Files are sent as they are, in batches; what is there already is not sent. If it is
    killed or interrupted, the same command resumes. Files of someone else are never overwritten.
    Log in with `hf auth login`, or set HF_TOKEN.
    """
    import json
    import os

    # read when huggingface_hub is imported; with Xet, uploads cannot be followed or tested
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    from gridkit.cli.file_bars import FileBars
    from gridkit.compute.local import usable_cores
    from gridkit.publish.model import preview_model, publish_model
    from gridkit.publish.run import preview, publish

    folder = Path(source)
    target = _target(repo, revision, create_pr=create_pr)
    model = _model(source, replace(target, repo_type="model"), results, dataset)
    if model is not None:
        target = replace(target, repo_type="model")
    processes = workers or usable_cores()
    if dry_run:
        if model is not None:
            planned = preview_model(model, target, private=private)
        else:
            planned = preview(folder, target, private=private, workers=processes)
        if as_json:
            click.echo(json.dumps(_preview_json(planned), indent=1))
        else:
            _print_preview(planned, target, private=private)
        return
    if model is not None:
        outcome = publish_model(model, target, private=private, bars=FileBars)
    else:
        outcome = publish(folder, target, private=private, workers=processes, bars=FileBars)
    if as_json:
        click.echo(json.dumps(_outcome_json(outcome, target), indent=1))
    else:
        _print_outcome(outcome, target, runs_code=model is not None and model.runs_code)


def _model(
    source: str, target: "Target", results: tuple[Path, ...], dataset: str | None
) -> "PublishedModel | None":
    """Return what is published of a recipe or a `.py` system; None where it is a corpus."""
    from gridkit.recipe.shelf import RECIPE_FILE

    path, _, _ = source.partition(".py:")
    is_system = path != source or (source.endswith(".py") and not Path(source).is_dir())
    if results and not is_system:
        raise click.UsageError("--result belongs to a .py system; a recipe keeps its own results")
    if is_system:
        return _system(source, target, results, dataset)
    if (Path(source) / RECIPE_FILE).is_file():
        from gridkit.publish.recipe import recipe_model

        return recipe_model(Path(source), target, dataset)
    if dataset is not None:
        raise click.UsageError("--dataset belongs to a model; a corpus is the dataset itself")
    return None


def _system(
    source: str, target: "Target", results: tuple[Path, ...], dataset: str | None
) -> "PublishedModel":
    from gridkit.evaluation.model_files import ModelFiles, files_of
    from gridkit.evaluation.systems.spec import parse_model
    from gridkit.publish.system import SystemFolder, system_model
    from gridkit.recipe.python_system import PythonSystem

    spec = parse_model(source)
    assert spec.path is not None
    made_by = PythonSystem(spec.path.name, spec.name)
    system = SystemFolder(spec.path.parent, made_by, files_of(spec), ModelFiles(spec).sha256)
    return system_model(system, target, results, dataset)


def _target(repo: str, revision: str, *, create_pr: bool) -> "Target":
    from gridkit.errors import UsageError
    from gridkit.hub.address import PREFIX, check_branch, parse_hub_address
    from gridkit.publish.comparison import Target

    try:
        address = parse_hub_address(PREFIX + repo.removeprefix(PREFIX), "--repo")
    except UsageError:
        raise UsageError(f"--repo {repo}: expected ORG/NAME, as lab/grid") from None
    if address.revision is not None:
        raise UsageError(f"--repo {repo}: name the branch with --revision {address.revision}")
    check_branch(revision)
    if create_pr and revision != DEFAULT_REVISION:
        raise UsageError("--create-pr proposes changes of main; leave --revision out")
    return Target(address.repo, revision, create_pr)


def _print_preview(planned: "Preview", target: "Target", *, private: bool) -> None:
    plan = planned.plan
    for file in plan.send:
        click.echo(f"  send    {file.size_bytes / 1e6:9.2f} MB  {file.path}")
    for path in plan.remove:
        click.echo(f"  remove                {path}")
    new = f"a new {'private' if private else 'public'} {target.repo_type}"
    where = "a new pull request" if target.create_pr else target.revision
    click.echo(
        f"{target.repo} ({new if planned.creates_repo else where}): {_files(len(plan.send))}, "
        f"{plan.send_bytes / 1e6:.1f} MB to send, {len(plan.unchanged)} unchanged, "
        f"{len(plan.remove)} to remove; nothing was sent"
    )


def _preview_json(planned: "Preview") -> dict[str, Any]:
    plan = planned.plan
    return {
        "creates_repo": planned.creates_repo,
        "send": {file.path: file.size_bytes for file in plan.send},
        "unchanged": [file.path for file in plan.unchanged],
        "remove": list(plan.remove),
    }


def _page(outcome: "Outcome", target: "Target") -> str:
    from gridkit.hub.client import open_hub

    where = "datasets/" if target.repo_type == "dataset" else ""
    page = f"{open_hub().endpoint}/{where}{target.repo}"
    if outcome.pull_request is not None:
        return f"{page}/discussions/{outcome.pull_request}"
    return page if target.revision == DEFAULT_REVISION else f"{page}/tree/{target.revision}"


def _print_outcome(outcome: "Outcome", target: "Target", *, runs_code: bool) -> None:
    click.echo(
        f"{_files(len(outcome.sent))} sent, {len(outcome.unchanged)} unchanged, "
        f"{len(outcome.removed)} removed; commit {outcome.commit[:12]}"
    )
    click.echo(_page(outcome, target))
    if target.repo_type == "model":
        trust = "--trust-remote-code " if runs_code else ""
        click.echo(
            f"gridkit evaluate --model hf:{target.repo}@{outcome.commit} {trust}--data DIR "
            "--split NAME"
        )
    elif outcome.pull_request is None:
        branch = "" if target.revision == DEFAULT_REVISION else f', revision="{target.revision}"'
        click.echo(f'load_dataset("{target.repo}", split="clips"{branch})')


def _outcome_json(outcome: "Outcome", target: "Target") -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(outcome), "url": _page(outcome, target)}


def _files(count: int) -> str:
    return f"{count} {'file' if count == 1 else 'files'}"
