"""From a prepared corpus to training clips: labels belong to their clips, test stays out."""

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
from gridkit.train.clips import AUDIO_FILE, FRAMES_FILE, INDEX_FILE
from gridkit.train.corpus import cached_clips

RECIPES = Path(__file__).parent.parent.parent / "recipes"
RECIPE = load_recipe(RECIPES / "lipnet-s1")


def quiet(_done: int, _total: int) -> None:
    pass


def test_every_clip_has_its_own_frames_sound_and_label(made_up_corpus, tmp_path):
    counts = []
    clips = cached_clips(RECIPE, made_up_corpus, tmp_path, lambda *count: counts.append(count))
    assert counts[-1] == (8, 8)
    by_id = {clip.id: clip for clip in open_corpus(made_up_corpus).clips()}
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


def test_test_clips_never_enter(made_up_corpus, tmp_path):
    clips = cached_clips(RECIPE, made_up_corpus, tmp_path, quiet)
    split = grid_split("s1")
    ids = {label.id for label in clips.labels}
    assert not ids & set(split.ids("test"))
    assert set(clips.ids("train")) <= set(split.ids("train"))
    assert set(clips.ids("val")) <= set(split.ids("val"))
    assert (len(clips.ids("train")), len(clips.ids("val"))) == (6, 2)


def test_clips_are_decoded_once_and_anew_when_the_input_changes(made_up_corpus, tmp_path):
    cached_clips(RECIPE, made_up_corpus, tmp_path, quiet)
    stamp = (tmp_path / FRAMES_FILE).stat().st_mtime_ns
    cached_clips(RECIPE, made_up_corpus, tmp_path, quiet)
    assert (tmp_path / FRAMES_FILE).stat().st_mtime_ns == stamp
    other = replace(RECIPE, input=FrameInput("lipnet", (0, 0, 100, 50), (50, 25)))
    clips = cached_clips(other, made_up_corpus, tmp_path, quiet)
    assert clips.frames.shape == (8, 75, 25, 50, 3)
    assert len(np.unique(clips.frames[0, 0, 0, 0])) > 1  # colour, not three times gray


@pytest.mark.parametrize("file", [INDEX_FILE, FRAMES_FILE, AUDIO_FILE])
def test_damaged_clips_are_decoded_again(made_up_corpus, tmp_path, file):
    whole = cached_clips(RECIPE, made_up_corpus, tmp_path, quiet)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:100])
    again = cached_clips(RECIPE, made_up_corpus, tmp_path, quiet)
    assert again.labels == whole.labels
    assert again.frames.shape == whole.frames.shape


def test_what_is_missing_is_one_line(made_up_corpus, tmp_path):
    other = replace(RECIPE, input=FrameInput("gan", (0, 0, 96, 96), (96, 96)))
    with pytest.raises(CorpusError, match=r"has no crop gan .*--crop gan"):
        cached_clips(other, made_up_corpus, tmp_path / "a", quiet)
    with pytest.raises(CorpusError, match="has no split 'mine'; it has s1"):
        cached_clips(replace(RECIPE, split="mine"), made_up_corpus, tmp_path / "b", quiet)
    with pytest.raises(TrainingError, match="no train clip in this split; prepare its speakers"):
        cached_clips(replace(RECIPE, split="synthetic-seen"), made_up_corpus, tmp_path / "c", quiet)
    with pytest.raises(CorpusError):
        cached_clips(RECIPE, tmp_path, tmp_path / "d", quiet)
