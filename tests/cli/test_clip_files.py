"""The progress of a clip: for long ones, from where it begins to be shown."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from gridkit.cli.clip_files import clip_bar
from gridkit.compute import progress


@pytest.fixture
def lines(monkeypatch):
    """What bars are begun with, and what they are moved by."""
    seen = []

    class Bar:
        def __init__(self, label, total, unit, done):
            seen.append((label, total, unit, done))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            seen.append("end")

        def advance(self, count):
            seen.append(count)

    monkeypatch.setattr(progress, "Progress", Bar)
    return seen


@pytest.fixture
def clip_of(monkeypatch):
    """Give a clip that says how long it is."""

    def of(length_s):
        stream = SimpleNamespace(info=SimpleNamespace(length_s=length_s))
        monkeypatch.setattr("gridkit.media.stream.PictureStream", lambda _: nullcontext(stream))
        return Path("clip.mp4")

    return of


@pytest.mark.parametrize("length_s", [9.0, 0.0])
def test_a_short_clip_or_one_of_unknown_length_has_no_bar(lines, clip_of, length_s):
    with clip_bar(clip_of(length_s), "read") as show:
        for done_s in (5.0, 11.0, 20.0):
            show(done_s)
    assert lines == []


def test_a_long_clip_has_one_from_where_it_is_shown(lines, clip_of):
    with clip_bar(clip_of(29.6), "read") as show:
        for done_s in (5.0, 13.2, 21.9, 29.6):
            show(done_s)
    assert lines == [("read", 30, "s", 13), 0, 8, 8, "end"]
