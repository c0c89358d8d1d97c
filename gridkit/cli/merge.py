"""`gridkit merge`: put a corpus together of the parts that were made of it."""

from pathlib import Path

import click

EXAMPLE = """\b
Example, on machines that share the folders:
  gridkit prepare grid --source ~/GRID --shard 1/2
  gridkit prepare grid --source ~/GRID --shard 2/2
  gridkit merge grid
"""


@click.command("merge", epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Finish the corpus in DIR, when gridkit prepare --shard has made all its parts.

    Where parts are missing, says which. It may be given at any time, and as often as you like; the
    corpus is byte for byte that of one run of gridkit prepare.
    """
    from gridkit.cli.summary import print_outcome
    from gridkit.prepare.pipeline import merge_corpus

    print_outcome(folder, merge_corpus(folder), as_json=as_json)
