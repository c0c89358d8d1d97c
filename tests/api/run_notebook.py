"""Run the code cells of a notebook as Jupyter does, without a server: `run_notebook.py FILE`.

Prints, for each cell, the MIME types of what it shows, as JSON.
"""

import json
import sys
from pathlib import Path


def main(path: Path) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    shell = InteractiveShell.instance()
    shown = []
    for cell in cells:
        if cell["cell_type"] == "code":
            done = shell.run_cell("".join(cell["source"]), store_history=True)
            done.raise_error()
            data, _ = shell.display_formatter.format(done.result)
            shown.append(sorted(data) if done.result is not None else [])
    print("\n" + json.dumps(shown))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
