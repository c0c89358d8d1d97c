"""Clips to listen to: which ones, their files, and what is refused."""

import json

import pytest
from support.boards import add_row, make_clips
from support.made_results import make_media

from gridkit.errors import ResultError
from gridkit.leaderboard.board import read_row
from gridkit.leaderboard.samples import (
    SHARED_PLACE,
    chosen_clips,
    make_samples,
    read_samples,
    sample_bytes,
    shared_clips,
)
from gridkit.leaderboard.site.build import build
from gridkit.media.codecs import decode_flac
from gridkit.results.clip_table import tabulate
from gridkit.results.files import Scored


@pytest.fixture
def row(tmp_path):
    (tmp_path / "board").mkdir()
    return add_row(tmp_path / "board", "x", make_clips(0.5, each=3), samples=True)


def scored_of(clips, folder):
    return Scored(folder, read_row(folder).result, clips, None, tabulate(clips))


def test_the_best_the_median_the_worst_and_a_clip_that_all_systems_share(row):
    clips = make_clips(0.5, each=3)
    values = {clip.id: clip.metrics["estoi"] for clip in clips}
    ordered = sorted(values, key=values.get, reverse=True)
    chosen = chosen_clips(scored_of(clips, row))
    places = dict(chosen)
    assert places["Best"] == ordered[0]
    assert places["Median"] == ordered[5]
    assert places["Worst"] == ordered[-1]
    (shared,) = shared_clips(values)
    # here it is the median besides, and no clip is shown twice
    assert places["Median"] == shared
    assert len(chosen) == 3
    for seed in (1, 2):
        others = chosen_clips(scored_of(make_clips(0.9, each=3, seed=seed), row))
        assert others[3:] == [(SHARED_PLACE, shared)]


def test_samples_come_back_and_play_what_the_system_made(row):
    samples = read_samples(row)
    assert [sample.place for sample in samples][:3] == ["Best", "Median", "Worst"]
    made = make_media(samples[0].id)
    sound, rate_hz = decode_flac(sample_bytes(row, samples[0].system))
    assert rate_hz == 16_000
    assert (sound == made.prediction).all()
    assert (decode_flac(sample_bytes(row, samples[0].reference))[0] == made.reference).all()


def test_the_same_clips_are_the_same_files(row):
    again = make_samples(scored_of(make_clips(0.5, each=3), row), make_media)
    assert {path.name: path.read_bytes() for path in (row / "samples").iterdir()} == again


@pytest.mark.parametrize("name", ["../../model.json", "x.flac", "a" * 24 + ".html", ""])
def test_a_name_that_is_none_of_a_sample_is_refused(row, name):
    path = row / "samples/samples.json"
    content = json.loads(path.read_text())
    content["samples"][0]["reference"] = name
    path.write_text(json.dumps(content))
    with pytest.raises(ResultError, match="is not a name of a sample"):
        read_samples(row)


def test_a_sample_that_was_changed_or_is_gone_stops_the_build(row, tmp_path):
    path = row / "samples" / read_samples(row)[0].system
    path.write_bytes(b"other")
    with pytest.raises(ResultError, match="was changed"):
        build(tmp_path / "board", tmp_path / "site")
    path.unlink()
    with pytest.raises(ResultError, match="cannot read"):
        build(tmp_path / "board", tmp_path / "site")
