"""The archives as data agree with what GRID is, and with themselves."""

import re

import pytest

from gridkit.corpus.archives import (
    SHEFFIELD_ARCHIVES,
    ZENODO_ARCHIVES,
    archive_speaker,
    archives_for,
)
from gridkit.corpus.codes import SPEAKERS_WITH_VIDEO
from gridkit.errors import UsageError


@pytest.mark.parametrize("source", ["zenodo", "sheffield"])
def test_everything_is_33_speakers_video_and_alignments(source):
    archives = archives_for(source)
    videos = [archive.speaker for archive in archives if archive.content == "video"]
    assert tuple(videos) == SPEAKERS_WITH_VIDEO
    assert len(videos) == 33
    aligned = {archive.speaker for archive in archives if archive.content == "alignments"}
    assert aligned == ({None} if source == "zenodo" else set(SPEAKERS_WITH_VIDEO))


def test_one_speaker_is_exactly_that_speaker():
    assert [a.name for a in archives_for("zenodo", ["s1"])] == ["s1.zip", "alignments.zip"]
    sheffield = archives_for("sheffield", ["s1"])
    assert [a.path for a in sheffield] == ["s1/video/s1.mpg_vcd.zip", "s1/align/s1.tar"]


def test_known_md5s_are_md5s_and_all_different():
    known = [a.md5 for a in ZENODO_ARCHIVES if a.md5]
    assert len(known) == 11
    assert len(set(known)) == 11
    assert all(re.fullmatch("[0-9a-f]{32}", digest) for digest in known)


def test_exact_size_agrees_with_the_rounded_one():
    exact = [a for a in ZENODO_ARCHIVES if a.size_bytes]
    assert [a.name for a in exact] == ["s2.zip"]
    assert round(exact[0].size_bytes / 1e6, 1) == exact[0].size_mb


@pytest.mark.parametrize("archives", [ZENODO_ARCHIVES, SHEFFIELD_ARCHIVES])
def test_names_are_unique_and_tell_the_speaker(archives):
    assert len({a.name for a in archives}) == len(archives)
    assert len({a.path for a in archives}) == len(archives)
    for archive in archives:
        assert archive_speaker(archive.name) == archive.speaker


@pytest.mark.parametrize(
    ("speakers", "message"),
    [
        (["s21"], "no video of s21"),
        (["s1", "s35"], "no speaker s35"),
        (["S1"], "no speaker S1"),
        (["x1"], "no speaker x1"),
        ([""], "no speaker"),
        ([], "no speaker given"),
    ],
)
def test_speakers_that_grid_does_not_have(speakers, message):
    with pytest.raises(UsageError, match=message):
        archives_for("zenodo", speakers)


def test_unknown_source():
    with pytest.raises(UsageError, match="zenodo or sheffield"):
        archives_for("kaggle")
