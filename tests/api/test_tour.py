"""docs/tour.ipynb: every cell runs, and shows what the page that is kept shows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs/tour.ipynb"
RUNNER = Path(__file__).parent / "run_notebook.py"
MOST_BYTES = 300_000


@pytest.mark.slow
def test_the_tour_runs_and_shows_what_it_is_kept_with(tmp_path):
    pytest.importorskip("IPython", reason="IPython here")
    pytest.importorskip("espeakng_loader", reason='needs pip install "gridkit[synth]"')
    binaries = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        [sys.executable, RUNNER, NOTEBOOK],
        cwd=tmp_path,
        env=os.environ | {"PATH": binaries, "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    shown = json.loads(done.stdout.splitlines()[-1])
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if "outputs" in cell]
    assert len(shown) == len(cells) > 10
    for types, cell in zip(shown, cells, strict=True):
        kept = [sorted(output["data"]) for output in cell["outputs"] if "data" in output]
        is_sound = "Audio(" in "".join(cell["source"])  # not kept: a sound is 130 KB
        assert kept == ([types] if types and not is_sound else [])


def test_the_tour_is_small_and_has_its_pictures():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES
    assert text.count('"image/png"') == 2
    assert "/tmp/" not in text
