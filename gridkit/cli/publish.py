"""`gridkit publish`: a prepared corpus, or a recipe, to the Hugging Face Hub."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridkit.hub.address import DEFAULT_REVISION

if TYPE_CHECKING:
    from gridkit.hub.snapshot import RepoType
    from gridkit.publish.comparison import Target
    from gridkit.publish.place import Preview
    from gridkit.publish.upload import Outcome

EXAMPLE = """\b
Example:
  gridkit publish grid --repo me/grid --dry-run
  gridkit publish grid --repo me/grid --private
  gridkit publish recipes/lipnet-s1 --repo me/lipnet --dataset me/grid
"""


@click.command(epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
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
    help="Of a recipe: the corpus on the Hub that its results were measured on.",
)
@click.option("--dry-run", is_flag=True, help="List what would be sent; send nothing.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes.  [default: all cores]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    folder: Path,
    repo: str,
    revision: str,
    create_pr: bool,
    private: bool,
    dataset: str | None,
    dry_run: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Publish what DIR holds: a prepared corpus as a dataset, a recipe as a model.

    A corpus is checked first (`gridkit validate`); load_dataset reads it. A recipe goes with its
    weights, results and card; `gridkit evaluate --model hf:ORG/NAME@REVISION` runs it. Files are
    sent as they are, in batches; what is there already is not sent. If it is killed or
    interrupted, the same command resumes. Files of someone else are never overwritten. Log in
    with `hf auth login`, or set HF_TOKEN.
    """
    import json
    import os

    # read when huggingface_hub is imported; with Xet, uploads cannot be followed or tested
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    from gridkit.cli.file_bars import FileBars
    from gridkit.compute.local import usable_cores
    from gridkit.publish.recipe import preview_recipe, publish_recipe
    from gridkit.publish.run import preview, publish
    from gridkit.recipe.shelf import RECIPE_FILE

    is_recipe = (folder / RECIPE_FILE).is_file()
    if dataset is not None and not is_recipe:
        raise click.UsageError("--dataset belongs to a recipe; a corpus is the dataset itself")
    kind: RepoType = "model" if is_recipe else "dataset"
    target = replace(_target(repo, revision, create_pr=create_pr), repo_type=kind)
    processes = workers or usable_cores()
    if dry_run:
        if is_recipe:
            planned = preview_recipe(folder, target, dataset=dataset, private=private)
        else:
            planned = preview(folder, target, private=private, workers=processes)
        if as_json:
            click.echo(json.dumps(_preview_json(planned), indent=1))
        else:
            _print_preview(planned, target, private=private)
        return
    if is_recipe:
        outcome = publish_recipe(folder, target, dataset=dataset, private=private, bars=FileBars)
    else:
        outcome = publish(folder, target, private=private, workers=processes, bars=FileBars)
    if as_json:
        click.echo(json.dumps(_outcome_json(outcome, target), indent=1))
    else:
        _print_outcome(outcome, target)


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


def _print_outcome(outcome: "Outcome", target: "Target") -> None:
    click.echo(
        f"{_files(len(outcome.sent))} sent, {len(outcome.unchanged)} unchanged, "
        f"{len(outcome.removed)} removed; commit {outcome.commit[:12]}"
    )
    click.echo(_page(outcome, target))
    if target.repo_type == "model":
        click.echo(
            f"gridkit evaluate --model hf:{target.repo}@{outcome.commit} --data DIR --split NAME"
        )
    elif outcome.pull_request is None:
        branch = "" if target.revision == DEFAULT_REVISION else f', revision="{target.revision}"'
        click.echo(f'load_dataset("{target.repo}", split="clips"{branch})')


def _outcome_json(outcome: "Outcome", target: "Target") -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(outcome), "url": _page(outcome, target)}


def _files(count: int) -> str:
    return f"{count} {'file' if count == 1 else 'files'}"
