"""`gridkit merge`: put a corpus together of the parts that were made of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridkit.cli.places import Place

if TYPE_CHECKING:
    from gridkit.storage.address import ObjectAddress

EXAMPLE = """\b
Example, on machines that share the folders:
  gridkit prepare grid --source ~/GRID --shard 1/2
  gridkit prepare grid --source ~/GRID --shard 2/2
  gridkit merge grid
"""


@click.command("merge", epilog=EXAMPLE)
@click.argument("folder", metavar="DIR", type=Place(file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(folder: "Path | ObjectAddress", as_json: bool) -> None:
    """Finish the corpus in DIR (or s3://BUCKET/PREFIX), of which --shard has made all parts.

    Where parts are missing, says which. It may be given at any time, and as often as you like; the
    corpus is byte for byte that of one run of gridkit prepare.
    """
    from gridkit.cli.summary import print_outcome
    from gridkit.prepare.pipeline import merge_corpus
    from gridkit.prepare.to_objects import merge_on_objects
    from gridkit.storage.objects import ObjectFolder

    if isinstance(folder, Path):
        file = merge_corpus(folder)
    else:
        file = merge_on_objects(ObjectFolder(folder))
    print_outcome(folder, file, as_json=as_json)
