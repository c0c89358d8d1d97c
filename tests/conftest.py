"""Fixtures that every test folder shares."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def grid_dir() -> Path:
    """The folder with real GRID clips; the test is skipped where there is none."""
    folder = Path(os.environ.get("GRIDKIT_GRID", REPOSITORY / "../shared/grid")).resolve()
    if not (folder / "alignments.zip").is_file():
        pytest.skip(f"no real GRID clips at {folder}; set GRIDKIT_GRID to a folder with some")
    return folder
