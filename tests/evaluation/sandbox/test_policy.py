"""What a system's process may reach: files, devices, environment variables."""

import sys
from pathlib import Path

import pytest

from gridkit.compute.openmp import ROUNDS
from gridkit.errors import UsageError
from gridkit.evaluation.sandbox.policy import (
    clean_environment,
    given_variables,
    readable_paths,
    without,
)


def test_a_folder_is_opened_around_what_is_hidden(tmp_path):
    for name in ("a/x", "a/y", "b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "loop").symlink_to(tmp_path)
    kept = without(tmp_path, [tmp_path / "a" / "x"])
    assert kept == [tmp_path / "a" / "y", tmp_path / "b"]
    assert without(tmp_path, [tmp_path.parent]) == []
    assert without(tmp_path, [tmp_path / "a" / "x" / ".." / ".." / "elsewhere"]) != []
    assert without(tmp_path / "b", [tmp_path / "a"]) == [tmp_path / "b"]


def test_weights_that_a_link_leads_to_are_readable_where_a_person_says_so(tmp_path):
    (tmp_path / "weights").write_text("w")
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "weights").symlink_to(tmp_path / "weights")
    system = tmp_path / "system"
    assert str(tmp_path / "weights") not in readable_paths(system, device="cpu", hidden=[])
    paths = readable_paths(system, device="cpu", hidden=[], follow_links=True)
    assert str(tmp_path / "weights") in paths
    assert str(tmp_path) not in paths


def test_what_tells_of_clips_is_hidden_in_folders_of_pythonpath_too(tmp_path, monkeypatch):
    for name in ("own.py", "data/bbaf2n.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    paths = readable_paths(None, device="cpu", hidden=[])
    assert str(tmp_path / "own.py") in paths
    assert not {str(tmp_path), str(tmp_path / "data"), str(tmp_path / "data/bbaf2n.wav")} & {*paths}


def test_a_project_that_is_its_own_virtual_environment_is_not_readable_as_a_whole(
    tmp_path, monkeypatch
):
    for name in ("lib", "bin", "corpus"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    paths = readable_paths(None, device="cpu", hidden=[])
    assert {str(tmp_path / "lib"), str(tmp_path / "bin")} <= {*paths}
    assert not {str(tmp_path), str(tmp_path / "corpus")} & {*paths}


def test_neither_the_checkout_nor_proc_as_a_whole_is_readable():
    root = Path(__file__).parents[3]
    paths = [Path(path) for path in readable_paths(None, device="cuda", hidden=[])]
    assert Path("/proc") not in paths
    assert not any(root.is_relative_to(path) for path in paths)


def test_the_environment_keeps_only_what_is_named(tmp_path):
    parent = {"PATH": "/bin", "LC_ALL": "C", "GRIDKIT_DATA": "x", "SSH_KEY": "y", "HOME": "/root"}
    kept = clean_environment(parent, tmp_path, threads=3)
    assert "GRIDKIT_DATA" not in kept
    assert "SSH_KEY" not in kept
    assert (kept["PATH"], kept["LC_ALL"], kept["HOME"]) == ("/bin", "C", str(tmp_path))
    assert kept["OMP_NUM_THREADS"] == "3"


def test_threads_of_a_system_spin_briefly_unless_a_person_says_otherwise(tmp_path):
    kept = clean_environment({}, tmp_path, threads=3)
    assert kept["GOMP_SPINCOUNT"] == str(ROUNDS)
    kept = clean_environment({}, tmp_path, threads=3, given={"OMP_WAIT_POLICY": "passive"})
    assert kept["OMP_WAIT_POLICY"] == "passive"
    assert "GOMP_SPINCOUNT" not in kept


def test_a_person_gives_a_variable_by_its_name(tmp_path):
    parent = {"KERAS_BACKEND": "jax", "SSH_KEY": "y"}
    given = given_variables(parent, ["KERAS_BACKEND"])
    kept = clean_environment(parent, tmp_path, threads=3, given=given)
    assert kept["KERAS_BACKEND"] == "jax"
    assert "SSH_KEY" not in kept


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("KERAS_BACKEND", "--env KERAS_BACKEND: no such variable is set"),
        ("KERAS_BACKEND=jax", "KERAS_BACKEND=... gridkit evaluate"),
        ("HOME", "--env HOME: gridkit itself sets it"),
        ("OMP_NUM_THREADS", "gridkit itself sets it"),
    ],
)
def test_a_variable_that_cannot_be_given_is_refused(name, says):
    with pytest.raises(UsageError, match=says):
        given_variables({"HOME": "/root", "OMP_NUM_THREADS": "9"}, [name])


def test_what_tells_of_clips_is_hidden_in_what_a_person_gives_too(tmp_path):
    for name in ("vocab.txt", "clips/bbaf2n.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    paths = readable_paths(None, device="cpu", hidden=[], extra=[tmp_path])
    assert str(tmp_path / "vocab.txt") in paths
    assert not {str(tmp_path), str(tmp_path / "clips"), str(tmp_path / "clips/bbaf2n.wav")} & {
        *paths
    }
