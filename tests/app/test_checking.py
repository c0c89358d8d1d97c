"""A visitor's file before it is read: what is no clip, and what is longer than it says."""

from importlib import resources
from types import SimpleNamespace

import pytest

from gridkit.app import work
from gridkit.app.checking import check_clip
from gridkit.app.loaded import Loaded
from gridkit.app.task import Task
from gridkit.errors import MediaError

EXAMPLE = resources.files("gridkit.app").joinpath("data", "x3-pbak7n.mp4")


def test_a_list_of_other_files_is_not_a_clip(tmp_path):
    (tmp_path / "other.mp4").write_bytes(EXAMPLE.read_bytes())
    assert check_clip(tmp_path / "other.mp4", "other.mp4", 10) == pytest.approx(3, abs=0.1)
    (tmp_path / "clip").write_text("ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(MediaError, match=r"list\.txt is not a video that can be opened"):
        check_clip(tmp_path / "clip", "list.txt", 10)


def test_what_goes_on_for_longer_than_it_says_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "check_clip", lambda *_: 0.0)
    (tmp_path / "clip").write_bytes(EXAMPLE.read_bytes())
    reader = {"reader": SimpleNamespace(crop="mouth96")}
    loaded = Loaded({"reader": SimpleNamespace(training_speakers=())}, reader, {}, ())
    said = []
    task = Task("read", tmp_path, "mine.mp4", "reader", longest_s=2.0)
    work.work_on_with(loaded, task, said.append)
    assert [message["kind"] for message in said] == ["length", "refused"]
    assert said[-1]["text"].startswith("mine.mp4 is longer than the 2 seconds that are read here")
