"""From a prepared corpus to training clips: labels belong to their clips, test stays out."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import text_of
from gridkit.corpus.splits import grid_split
from gridkit.errors import CorpusError, TrainingError
from gridkit.media.codecs import decode_crop, decode_flac
from gridkit.models.frames import FrameInput
from gridkit.recipe import load_recipe
from gridkit.store.reader import open_corpus
from gridkit.train import clips as clips_module
from gridkit.train import corpus as corpus_module
from gridkit.train.clips import AUDIO_FILE, FRAMES_FILE, INDEX_FILE, PART_FILE, open_clips
from gridkit.train.corpus import cached_clips

RECIPES = Path(__file__).parent.parent.parent / "recipes"
RECIPE = load_recipe(RECIPES / "lipnet-s1")


def quiet(_done: int, _total: int) -> None:
    pass


def test_every_clip_has_its_own_frames_sound_and_label(small_corpus, tmp_path):
    counts = []
    clips = cached_clips(RECIPE, small_corpus, tmp_path, lambda *count: counts.append(count))
    assert counts[-1] == (8, 8)
    by_id = {clip.id: clip for clip in open_corpus(small_corpus).clips()}
    assert len(clips.labels) == 8
    for place, label in enumerate(clips.labels):
        clip = by_id[label.id]
        assert label.text == text_of(split_id(label.id)[1])
        assert label.words == clip.words
        assert (clips.audio[place] == decode_flac(clip.audio_flac)[0]).all()
        luma = decode_crop(clip.crops["mouth96"]).luma
        left, top, width, height = RECIPE.input.region_px
        seen = luma[:, top : top + height, left : left + width, None]
        assert (clips.frames[place] == seen).all()


def test_test_clips_never_enter(small_corpus, tmp_path):
    clips = cached_clips(RECIPE, small_corpus, tmp_path, quiet)
    split = grid_split("s1")
    ids = {label.id for label in clips.labels}
    assert not ids & set(split.ids("test"))
    assert set(clips.ids("train")) <= set(split.ids("train"))
    assert set(clips.ids("val")) <= set(split.ids("val"))
    assert (len(clips.ids("train")), len(clips.ids("val"))) == (6, 2)


def test_clips_are_decoded_once_and_anew_when_the_input_changes(small_corpus, tmp_path):
    cached_clips(RECIPE, small_corpus, tmp_path, quiet)
    stamp = (tmp_path / FRAMES_FILE).stat().st_mtime_ns
    cached_clips(RECIPE, small_corpus, tmp_path, quiet)
    assert (tmp_path / FRAMES_FILE).stat().st_mtime_ns == stamp
    other = replace(RECIPE, input=FrameInput("lipnet", (0, 0, 100, 50), (50, 25)))
    clips = cached_clips(other, small_corpus, tmp_path, quiet)
    assert clips.frames.shape == (8, 75, 25, 50, 3)
    assert len(np.unique(clips.frames[0, 0, 0, 0])) > 1  # colour, not three times gray


def interrupted(small_corpus, folder, monkeypatch, after=5):
    """Decode so many clips, noted two at a time, and stop."""
    monkeypatch.setattr(clips_module, "CLIPS_AT_ONCE", 2)

    def stop(done, _total):
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_clips(RECIPE, small_corpus, folder, stop)


@pytest.mark.parametrize("lines", [None, b"", b'{"id": "s1/', b"\xff\n", b'{"id": 1}\n'])
def test_a_run_that_was_stopped_goes_on(small_corpus, tmp_path, monkeypatch, lines):
    """Whatever the last line of its notes looks like."""
    whole = cached_clips(RECIPE, small_corpus, tmp_path / "whole", quiet)
    folder = tmp_path / "stopped"
    interrupted(small_corpus, folder, monkeypatch)
    assert open_clips(folder) is None
    if lines is not None:
        with (folder / PART_FILE).open("ab") as part:
            part.write(lines)
    decoded = []
    monkeypatch.setattr(
        corpus_module, "decode_flac", lambda flac: decoded.append(flac) or decode_flac(flac)
    )
    again = cached_clips(RECIPE, small_corpus, folder, quiet)
    assert len(decoded) == (8 if lines == b"\xff\n" else 4)
    assert again.labels == whole.labels
    assert (again.frames == whole.frames).all()
    assert (again.audio == whole.audio).all()
    assert sorted(path.name for path in folder.iterdir()) == [AUDIO_FILE, INDEX_FILE, FRAMES_FILE]


@pytest.mark.parametrize("file", [AUDIO_FILE, FRAMES_FILE])
def test_notes_of_clips_that_are_not_there_do_not_count(small_corpus, tmp_path, monkeypatch, file):
    whole = cached_clips(RECIPE, small_corpus, tmp_path / "whole", quiet)
    folder = tmp_path / "stopped"
    interrupted(small_corpus, folder, monkeypatch)
    os.truncate(folder / file, (tmp_path / "whole" / file).stat().st_size // 8 * 3 // 2)
    again = cached_clips(RECIPE, small_corpus, folder, quiet)
    assert (again.frames == whole.frames).all()
    assert (again.audio == whole.audio).all()


def test_a_stopped_run_with_another_input_starts_anew(small_corpus, tmp_path, monkeypatch):
    interrupted(small_corpus, tmp_path, monkeypatch)
    other = replace(RECIPE, input=replace(RECIPE.input, region_px=(0, 0, 80, 40)))
    clips = cached_clips(other, small_corpus, tmp_path, quiet)
    clip = next(c for c in open_corpus(small_corpus).clips() if c.id == clips.labels[0].id)
    assert (clips.frames[0, ..., 0] == decode_crop(clip.crops["mouth96"]).luma[:, :40, :80]).all()


@pytest.mark.parametrize("file", [INDEX_FILE, FRAMES_FILE, AUDIO_FILE])
def test_damaged_clips_are_decoded_again(small_corpus, tmp_path, file):
    whole = cached_clips(RECIPE, small_corpus, tmp_path, quiet)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:100])
    again = cached_clips(RECIPE, small_corpus, tmp_path, quiet)
    assert again.labels == whole.labels
    assert again.frames.shape == whole.frames.shape


def test_what_is_missing_is_one_line(small_corpus, tmp_path):
    other = replace(RECIPE, input=FrameInput("gan", (0, 0, 96, 96), (96, 96)))
    with pytest.raises(CorpusError, match=r"has no crop gan .*--crop gan"):
        cached_clips(other, small_corpus, tmp_path / "a", quiet)
    with pytest.raises(CorpusError, match="has no split 'mine'; it has s1"):
        cached_clips(replace(RECIPE, split="mine"), small_corpus, tmp_path / "b", quiet)
    with pytest.raises(TrainingError, match="no train clip in this split; prepare its speakers"):
        cached_clips(replace(RECIPE, split="synthetic-seen"), small_corpus, tmp_path / "c", quiet)
    with pytest.raises(CorpusError):
        cached_clips(RECIPE, tmp_path, tmp_path / "d", quiet)
