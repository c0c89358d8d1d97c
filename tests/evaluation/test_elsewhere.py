"""An evaluation in parts on other machines: the figures of one machine, to the last digit."""

import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.executors import Here

from gridkit.compute.choose import Where, parse_where
from gridkit.compute.executor import Crashed
from gridkit.errors import EnvironmentProblem, SystemFailedError, UsageError
from gridkit.evaluation import elsewhere
from gridkit.evaluation.elsewhere import Elsewhere, PredictionPart, part_of, predict_part
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.files import FILE, FOLDER, PredictionWriter
from gridkit.evaluation.systems.spec import parse_model
from gridkit.evaluation.timing import latency
from gridkit.results.files import CLIPS_FILE, RESULT_FILE
from gridkit.results.timing import TIMING_FILE

RAY = Where("ray")


@pytest.fixture
def machines(monkeypatch):
    """One machine that is not this one, as far as the code can tell; parts of one clip."""
    machine = Here(is_local=False)

    @contextmanager
    def open_executor(_where, **_options):
        yield machine

    monkeypatch.setattr(elsewhere, "open_executor", open_executor)
    monkeypatch.setattr(elsewhere, "FEWEST", 1)
    monkeypatch.setattr(elsewhere, "SCORED_AT_A_TIME", 1)
    return machine


def test_figures_are_those_of_one_machine_to_the_last_digit(score, hummed, machines) -> None:
    scored = score(hummed.folder.parent / "hum.py", out="elsewhere", where=RAY)
    for name in (CLIPS_FILE, RESULT_FILE):
        assert (scored.folder / name).read_bytes() == (hummed.folder / name).read_bytes()
    assert [path.name for path in (scored.folder / FOLDER).iterdir()] == [FILE]
    # the reference audio was transcribed before, and is in the cache
    assert machines.done == ["PredictionPart"] * 2 + ["ScorePart"] * 2


def test_what_is_predicted_is_not_asked_again(score, hummed, machines, tmp_path) -> None:
    copy = shutil.copytree(hummed.folder, tmp_path / "elsewhere")
    kept = next(iter(PredictionWriter(copy).saved().values()))
    for name in (RESULT_FILE, CLIPS_FILE, "system.json"):
        (copy / name).unlink()
    shutil.rmtree(copy / FOLDER)
    PredictionWriter(copy).write_part("of-before", [kept])
    score(hummed.folder.parent / "hum.py", out="elsewhere", where=RAY)
    assert machines.done == ["PredictionPart"] + ["ScorePart"] * 2
    assert (copy / CLIPS_FILE).read_bytes() == (hummed.folder / CLIPS_FILE).read_bytes()


def test_timing_is_one_part_after_all_others(score, model, machines, monkeypatch) -> None:
    monkeypatch.setattr(latency, "TIMED_S", 0.5, raising=False)
    scored = score(model("pass"), out="elsewhere", where=RAY, timed=True, calls=100, recognisers=())
    assert (scored.folder / TIMING_FILE).is_file()
    assert machines.done.count("TimingJob") == 1
    assert machines.done[-1] == "TimingJob"


def test_a_part_that_is_made_twice_counts_once(spoken, hummed, tmp_path, machines) -> None:
    """As of a machine that was taken for dead, and ends its part all the same."""
    shutil.copy(hummed.folder / "question.json", tmp_path)
    spec = parse_model(str(hummed.folder.parent / "hum.py"))
    part = PredictionPart(
        spec, part_of(spoken, spoken.ids), tmp_path, Options(), hummed.result.sha256["model"]
    )
    for _ in range(2):
        predict_part(part, lambda _steps: None)
    saved = PredictionWriter(tmp_path).saved()
    assert saved.sha256 == hummed.result.sha256["predictions"]


def test_a_machine_that_sees_something_else_is_named(spoken, hummed, tmp_path) -> None:
    spec = parse_model(str(hummed.folder.parent / "hum.py"))
    node = os.uname().nodename
    part = PredictionPart(spec, part_of(spoken, spoken.ids), tmp_path, Options(), "another hash")
    with pytest.raises(EnvironmentProblem, match=f"^{node} sees other files of .*hum.py"):
        predict_part(part, lambda _steps: None)
    away = replace(part, out=Path("/nowhere/result"))
    with pytest.raises(EnvironmentProblem, match=f"^{node} does not see /nowhere/result; the f"):
        predict_part(away, lambda _steps: None)


def test_a_part_that_is_lost_for_good_ends_the_run_and_is_counted(
    score, hummed, machines, monkeypatch
) -> None:
    def lose(_work, items, _count, _retry):
        yield from ((item, Crashed("the task on node7 was lost (2 times)")) for item in items)

    monkeypatch.setattr(machines, "run", lose)
    with pytest.raises(SystemFailedError, match=r"1 clips have no prediction \(the task on node7"):
        score(hummed.folder.parent / "hum.py", out="elsewhere", where=RAY)


@pytest.mark.parametrize(
    ("text", "slurm", "gpus", "says"),
    [
        ("dask", (), 0, "expected local, ray, ray:ADDRESS or slurm"),
        ("ray:", (), 0, "expected local"),
        ("slurm:x", (), 0, "expected local"),
        ("ray", ("partition=main",), 0, "only --executor slurm takes it"),
        ("local", (), 1, "only --executor ray and slurm take it"),
        ("slurm", ("jobs=many",), 0, "expected a number"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(text, slurm, gpus, says) -> None:
    with pytest.raises(UsageError, match=says):
        parse_where(text, slurm, gpus)


def test_gpus_are_for_the_system_alone(monkeypatch, tmp_path) -> None:
    asked = []

    @contextmanager
    def open_executor(where, **_options):
        asked.append(where.gpus)
        yield Here()

    monkeypatch.setattr(elsewhere, "open_executor", open_executor)
    with Elsewhere(Where("ray", gpus=0.5), tmp_path) as machines:
        assert asked == [0.0, 0.5]
        assert machines.predicting is not machines.scoring
