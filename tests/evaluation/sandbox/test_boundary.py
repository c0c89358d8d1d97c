"""The process of a system and gridkit's trusted side are kept apart, by contract and in fact."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SANDBOX = Path("gridkit/evaluation/sandbox")
TRUSTED = ("sandbox.launch", "sandbox.policy", "sandbox.worker", "systems.spec", "subset", "run")
LINTER = (
    "import sys; sys.path.insert(0, '.'); "
    "from importlinter.cli import lint_imports_command; lint_imports_command()"
)


def contracts(folder):
    """The contracts of a copy of gridkit, each followed by KEPT or BROKEN."""
    command = [sys.executable, "-c", LINTER, "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert "Contracts: " in done.stdout, done.stderr
    report = " ".join(done.stdout.split())
    return report[report.index("imports point down") : report.index("Contracts: ")]


@pytest.fixture
def copy(tmp_path):
    """A copy of gridkit's code with its contracts."""
    pytest.importorskip("importlinter")
    for path in ROOT.glob("gridkit/**/*.py"):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_import_across_the_boundary_breaks_a_contract(copy):
    assert "BROKEN" not in contracts(copy)
    for module, line, contract in (
        (
            "guest/serve.py",
            "import gridkit.evaluation.sandbox.policy",
            "nothing of the trusted side",
        ),
        ("guest/load.py", "import gridkit.evaluation.subset", "nothing of the trusted side"),
        ("worker.py", "import gridkit.evaluation.sandbox.guest.load", "started, never imported"),
    ):
        path = copy / SANDBOX / module
        whole = path.read_text()
        path.write_text(f"{whole}\n{line}\n")
        assert f"{contract} BROKEN" in contracts(copy)
        path.write_text(whole)


def test_a_systems_process_has_nothing_of_the_trusted_side_in_memory():
    code = (
        "import sys\n"
        "import gridkit.evaluation.sandbox.guest.main, gridkit.evaluation.sandbox.guest.serve\n"
        "print(*sorted(name for name in sys.modules if name.startswith('gridkit.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "gridkit.evaluation.sandbox.guest.serve" in loaded
    assert not loaded & {f"gridkit.evaluation.{name}" for name in TRUSTED}
    allowed = ("gridkit.errors", "gridkit.corpus", "gridkit.compute", "gridkit.corpus.tasks")
    beside = {name for name in loaded if not name.startswith(("gridkit.evaluation", *allowed))}
    assert beside <= {"gridkit.api", "gridkit.results"}
