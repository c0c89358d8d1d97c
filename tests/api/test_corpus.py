"""`gridkit.open_corpus`: clips by id and by split, decoded as a system gets them."""

import io

import numpy as np
import pytest
from PIL import Image
from support import small_corpus

import gridkit
from gridkit.corpus.records import AUDIO_SAMPLES, FRAMES
from gridkit.errors import CorpusError
from gridkit.evaluation.subset import open_subset
from gridkit.media.codecs import decode_flac


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, small_clips):
    folder = tmp_path_factory.mktemp("api") / "corpus"
    small_corpus.write_corpus(folder, small_clips)
    return gridkit.open_corpus(folder)


def test_it_says_what_it_holds(corpus, small_clips):
    assert len(corpus) == len(small_clips)
    assert corpus.crops == ("lipnet", "mouth96")
    assert corpus.splits["s1"] == {"train": 6, "val": 2, "test": 2}
    assert f"{len(small_clips)} clips of 4 speakers; crops lipnet, mouth96; splits s1," in repr(
        corpus
    )
    assert "one speaker, s1" in corpus._repr_html_()


def test_a_clip_by_its_id_is_the_one_that_was_stored(corpus, small_clips):
    for stored in small_clips:
        clip = corpus[stored.id]
        assert (clip.id, clip.text, clip.words) == (stored.id, stored.text, stored.words)
        assert np.array_equal(clip.landmarks, stored.landmarks)
        assert np.array_equal(clip.samples, decode_flac(stored.audio_flac)[0])
        assert clip.crops == stored.crops
    assert small_clips[0].id in corpus
    assert "s1/zzzzzz" not in corpus
    with pytest.raises(CorpusError, match="keeps no clip s1/zzzzzz"):
        corpus["s1/zzzzzz"]


def test_clips_come_whole_by_split_and_by_subset(corpus):
    everything = [clip.id for clip in corpus]
    assert everything == list(corpus.ids())
    assert len(everything) == len(corpus)
    by_subset = [corpus.ids(f"s1:{subset}") for subset in ("train", "val", "test")]
    assert sorted(clip for ids in by_subset for clip in ids) == sorted(corpus.ids("s1"))
    assert [clip.id for clip in corpus.clips("s1:test")] == list(by_subset[2])
    assert sorted(by_subset[2]) == list(open_subset(corpus.stored, "s1:test").ids)


def test_frames_and_sound_are_what_a_system_gets(corpus):
    subset = open_subset(corpus.stored, "s1:test")
    for clip in corpus.clips("s1:test"):
        assert clip.samples.dtype == np.int16
        assert clip.samples.shape == (AUDIO_SAMPLES,)
        for crop, shape in (("mouth96", (96, 96)), ("lipnet", (50, 100, 3))):
            frames = clip.frames(crop)
            assert frames.shape == (FRAMES, *shape)
            assert np.array_equal(frames, subset.frames_of(crop)(clip.id))
        assert np.array_equal(clip.frames(), clip.frames("mouth96"))


def test_only_wanted_crops_are_read(corpus):
    clip = next(corpus.clips(crops=["lipnet"]))
    assert tuple(clip.crops) == ("lipnet",)
    assert clip.frames().shape == (FRAMES, 50, 100, 3)
    assert "crops none" in repr(next(corpus.clips(crops=[])))


@pytest.mark.parametrize("crops", [None, ["lipnet"], []])
def test_a_clip_is_a_picture_of_frames_sound_and_words(corpus, crops):
    clip = next(corpus.clips(crops=crops))
    picture = np.asarray(Image.open(io.BytesIO(clip._repr_png_())).convert("RGB"))
    assert picture.shape[1] == 900
    assert picture.std() > 10


@pytest.mark.parametrize("split", ["s7", "s1:dev", ":test"])
def test_a_split_that_is_not_there_is_named(corpus, split):
    with pytest.raises(CorpusError, match=r"no split 's7'|no subset 'dev'|no subset 'test'"):
        corpus.ids(split)


def test_a_crop_that_is_not_there_is_named(corpus):
    with pytest.raises(CorpusError, match="no crop 'gan'; it has lipnet, mouth96"):
        next(iter(corpus)).frames("gan")


def test_a_folder_that_is_not_a_corpus_is_named(tmp_path):
    with pytest.raises(CorpusError, match=str(tmp_path)):
        gridkit.open_corpus(tmp_path)
