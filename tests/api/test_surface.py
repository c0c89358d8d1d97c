"""`import gridkit`: light, and complete."""

import subprocess
import sys

import gridkit

PUBLIC = ("evaluate", "open_corpus", "score")
HEAVY = {"numpy", "torch", "pyarrow", "scipy", "pandas", "av", "cv2", "click", "jiwer"}


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_surface_is_listed_and_documented():
    assert {*PUBLIC, "__version__"} == set(gridkit.__all__) <= set(dir(gridkit))
    for name in PUBLIC:
        assert "Args:" in getattr(gridkit, name).__doc__


def test_import_is_light():
    found = run(
        "import sys, time; before = set(sys.modules); start_s = time.process_time()\n"
        "import gridkit\n"
        "print(time.process_time() - start_s, *sorted(set(sys.modules) - before))"
    ).split()
    assert float(found[0]) < 0.1
    assert not HEAVY & {name.partition(".")[0] for name in found[1:]}
