"""What lies in the current folder runs in no process but its own, whatever it is called."""

import os
import subprocess
import sys

import pytest

from gridkit.compute.import_path import forget_current_folder, python_path

NAMES = ("random", "tempfile", "signal", "struct", "queue", "threading", "pickle", "mailbox")
"""Modules that Python's own processes import at their start, and one that only the worker does."""
PARENT = """
import sys
from gridkit.compute.local import map_ordered

def loaded(name):
    import mailbox
    return mailbox.__file__

if __name__ == "__main__":
    sys.path[:0] = {extra!r}
    print(*map_ordered(loaded, "ab", workers=1, preload={preload!r}))
    assert sys.path[:len({extra!r})] == {extra!r}
"""


@pytest.fixture
def hostile(tmp_path):
    """A folder of files named like modules of Python: each leaves a note when it is run."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text("open(__file__ + '.ran', 'w').close()\n")
    return folder


@pytest.mark.parametrize("preload", [None, "gridkit.corpus.codes"])
@pytest.mark.parametrize("extra", [[], [""]])
def test_no_worker_imports_from_the_current_folder(tmp_path, hostile, preload, extra):
    """`extra`: a notebook has the current folder in its own path."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(preload=preload, extra=extra))
    done = subprocess.run(
        [sys.executable, script], cwd=hostile, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert str(hostile) not in done.stdout
    assert sorted(hostile.glob("*.ran")) == []


def test_no_command_imports_from_the_current_folder_where_pythonpath_has_an_empty_part(tmp_path):
    (tmp_path / "mailbox.py").write_text("")
    code = (
        "from gridkit.cli.main import main\n"
        "try: main(['--help'])\n"
        "finally:\n import mailbox; print(mailbox.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}{os.pathsep}"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.endswith("mailbox.py\n"), done.stderr
    assert str(tmp_path) not in done.stdout


def test_the_current_folder_is_no_part_of_pythonpath_unless_it_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/lib"])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/a", ".", "src", "./"]))
    assert python_path() == ["/a", "src"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(tmp_path)]))
    forget_current_folder()
    assert sys.path == [str(tmp_path), "/lib"]
    monkeypatch.setenv("PYTHONPATH", "")  # Python takes it for none
    forget_current_folder()
    monkeypatch.delenv("PYTHONPATH")
    forget_current_folder()
    assert sys.path == [str(tmp_path), "/lib"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/a"]))
    forget_current_folder()
    assert sys.path == ["/lib"]
