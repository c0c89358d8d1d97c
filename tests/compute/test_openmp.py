"""What OpenMP reads: by its own account, once torch has loaded it."""

import subprocess
import sys

import pytest

from gridkit.compute.openmp import ROUNDS, brief_spinning

LOADED = """
import os
from gridkit.compute.openmp import spin_briefly

spin_briefly(os.environ)
import torch
"""


@pytest.mark.skipif(sys.platform != "linux", reason="torch computes with libgomp on Linux")
@pytest.mark.parametrize(("given", "count"), [({}, ROUNDS), ({"GOMP_SPINCOUNT": "77"}, 77)])
def test_openmp_spins_as_long_as_it_was_told(given, count):
    environment = {"PATH": "/usr/bin", "OMP_DISPLAY_ENV": "verbose", **given}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=True
    )
    assert f"GOMP_SPINCOUNT = '{count}'" in done.stderr


def test_a_policy_that_a_person_chose_stays():
    assert brief_spinning({"OMP_WAIT_POLICY": "active", "HOME": "/h"}) == {
        "OMP_WAIT_POLICY": "active"
    }
