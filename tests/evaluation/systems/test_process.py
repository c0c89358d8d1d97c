"""The process that a system answers in, and how its threads wait."""

import numpy as np
import pytest

from gridkit.evaluation.options import Options
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.process import worker_of
from gridkit.evaluation.systems.spec import parse_model
from gridkit.store.reader import open_corpus

READS_ITS_ENVIRONMENT = """
import os
class System:
    task, crop = "lipreading", "mouth96"
    def __call__(self, frames):
        return os.environ.get("OMP_WAIT_POLICY", "as they are")
def load(device): return System()
"""


@pytest.mark.parametrize(
    ("timed", "given", "answer"),
    [(False, (), "passive"), (True, (), "as they are"), (False, ("OMP_WAIT_POLICY",), "active")],
)
def test_threads_sleep_while_they_wait_but_where_they_are_timed(
    synthetic_corpus, tmp_path, monkeypatch, timed, given, answer
):
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    path = tmp_path / "system.py"
    path.write_text(READS_ITS_ENVIRONMENT)
    subset = open_subset(open_corpus(synthetic_corpus), "synthetic-seen:test")
    with worker_of(parse_model(str(path)), subset, Options(variables=given), timed=timed) as worker:
        worker.start()
        asked = worker.ask([np.zeros((75, 96, 96), np.uint8)])
    assert asked.checked.text == answer
