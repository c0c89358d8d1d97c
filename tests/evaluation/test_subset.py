"""The clips of a subset: which they are, what is true of them, what a system is given."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from gridkit.corpus.codes import ranked_ids
from gridkit.corpus.splits import grid_split, hash_ids
from gridkit.errors import CorpusError, SplitError, UsageError
from gridkit.evaluation.subset import open_subset, read_sound
from gridkit.media.codecs import decode_flac, encode_flac
from gridkit.store.reader import open_corpus


def test_the_clips_are_those_of_the_definition_that_are_here(tones):
    definition = grid_split("s1").ids("test")
    assert tones.ids == definition[:20]
    assert tones.missing == 80
    assert tones.facts() == {
        "name": "s1",
        "subset": "test",
        "sha256": grid_split("s1").sha256("test"),
        "scored_sha256": hash_ids(definition[:20]),
        "n": 20,
    }


def test_references_are_the_corpus_sorted_by_id(tones):
    references = list(tones.references())
    assert [reference.id for reference in references] == list(tones.ids)
    clips = {clip.id: clip for clip in tones.corpus.clips(profiles=[])}
    for reference in references:
        assert reference.text == clips[reference.id].text
        assert np.array_equal(reference.samples, decode_flac(clips[reference.id].audio_flac)[0])
    assert [clip.id for clip in tones.train_references()] == list(grid_split("s1").ids("train")[:2])


def test_the_corpus_hash_is_over_ids_and_samples(tones):
    digest = hashlib.sha256()
    for clip in sorted(tones.corpus.clips("s1", "test", profiles=[]), key=lambda clip: clip.id):
        digest.update(clip.id.encode() + decode_flac(clip.audio_flac)[0].astype("<i2").tobytes())
    assert tones.corpus_sha256 == digest.hexdigest()


@pytest.fixture(scope="module")
def several(tmp_path_factory, write_corpus):
    """A corpus of three speakers; in `seen33`, two test clips of each and a train clip."""
    clips = [ranked_ids(speaker)[rank] for speaker in ("s2", "s10", "s1") for rank in (0, 1, 200)]
    return write_corpus(tmp_path_factory.mktemp("several") / "corpus", clips)


def test_several_speakers_are_sorted_by_id_not_by_number(several):
    corpus = open_corpus(several)
    assert [Path(shard).name.split("-")[0] for shard in corpus.file.shards] == ["s1", "s2", "s10"]
    named = open_subset(corpus, "seen33")
    ids = sorted(clip for speaker in ("s1", "s2", "s10") for clip in ranked_ids(speaker)[:2])
    assert [reference.id for reference in named.references()] == ids == list(named.ids)
    trained = [reference.id for reference in named.train_references()]
    assert trained == [ranked_ids(speaker)[200] for speaker in ("s1", "s10", "s2")]
    digest = hashlib.sha256()
    sounds = {clip.id: decode_flac(clip.audio_flac)[0] for clip in corpus.clips(profiles=[])}
    for clip in ids:
        digest.update(clip.encode() + sounds[clip].astype("<i2").tobytes())
    assert named.corpus_sha256 == digest.hexdigest()


def test_a_list_and_a_split_of_the_same_clips_have_one_hash(several, tmp_path):
    named = open_subset(open_corpus(several), "seen33")
    path = tmp_path / "some.tsv"
    path.write_text("".join(f"{clip}\ttest\n" for clip in named.ids))
    listed = open_subset(open_corpus(several), str(path))
    assert listed.ids == named.ids
    assert listed.corpus_sha256 == named.corpus_sha256


def test_a_system_is_given_gray_or_rgb_frames(tones):
    gray = tones.frames_of("mouth96")(tones.ids[0])
    assert (gray.shape, gray.dtype) == ((75, 96, 96), np.uint8)
    rgb = tones.frames_of("lipnet")(tones.ids[0])
    assert (rgb.shape, rgb.dtype) == ((75, 50, 100, 3), np.uint8)
    # a dark blob on a light ground
    assert gray[:, 48, 48].mean() < 80 < 150 < gray[:, 2, 2].mean()


@pytest.mark.parametrize(("text", "clips"), [("s1", 20), ("s1:test", 20), ("s1:train", 2)])
def test_a_subset_is_named_and_test_if_not(made_up, text, clips):
    assert len(open_subset(open_corpus(made_up), text).ids) == clips


@pytest.mark.parametrize("text", ["s7", "s1:tset", ":test", ""])
def test_no_such_subset_names_those_there_are(made_up, text):
    with pytest.raises(UsageError, match=r"s1, seen4.*train, val, test"):
        open_subset(open_corpus(made_up), text)


def test_a_list_of_clips_is_a_split(made_up, tones, tmp_path):
    path = tmp_path / "some.tsv"
    test, train = tones.ids[3:5], grid_split("s1").ids("train")[:2]
    lines = [f"{clip}\ttest\n" for clip in test] + [f"{clip}\ttrain\n" for clip in train]
    path.write_text("".join(lines))
    found = open_subset(open_corpus(made_up), str(path))
    assert (found.split.name, found.ids, found.missing) == ("some", test, 0)
    assert not found.split.unseen_speakers
    assert [clip.id for clip in found.references()] == list(test)
    assert [clip.id for clip in found.train_references()] == list(train)
    named = {clip.id: clip for clip in tones.references()}
    for reference in found.references():
        assert reference.text == named[reference.id].text
        assert np.array_equal(reference.samples, named[reference.id].samples)
    assert open_subset(open_corpus(made_up), f"{path}:train").ids == train
    path.write_text(lines[0] + "s2/bbaf1n\ttrain\n")
    unseen = open_subset(open_corpus(made_up), str(path))
    assert unseen.split.unseen_speakers
    path.write_text(lines[0])
    assert not open_subset(open_corpus(made_up), str(path)).split.unseen_speakers


def test_a_list_that_is_none_is_told_in_one_line(made_up, tmp_path):
    path = tmp_path / "some.tsv"
    path.write_text("s1/bbaf2n\n")
    with pytest.raises(SplitError, match="split some, list line 1: no subset"):
        open_subset(open_corpus(made_up), str(path))
    path.write_bytes(b"\xff")
    with pytest.raises(SplitError, match=r"some\.tsv: cannot be read"):
        open_subset(open_corpus(made_up), str(path))
    same = tmp_path / "s1"
    same.mkdir()
    with pytest.raises(UsageError, match="expected NAME, FILE or NAME:subset"):
        open_subset(open_corpus(made_up), str(same))
    taken = tmp_path / "s1.tsv"
    taken.write_text("s1/bbaf2n\ttest\n")
    with pytest.raises(UsageError, match="there is a split s1 already"):
        open_subset(open_corpus(made_up), str(taken))


def test_a_subset_without_a_clip_is_refused(made_up):
    with pytest.raises(CorpusError, match=r"no clip of s1:val.*gridkit info"):
        open_subset(open_corpus(made_up), "s1:val")


def test_sound_of_another_length_or_rate_is_damage():
    with pytest.raises(CorpusError, match=r"s1/bbaf2n.*\(47999,\)"):
        read_sound(encode_flac(np.zeros(47_999, np.int16)), "s1/bbaf2n")
    with pytest.raises(CorpusError, match=r"s1/bbaf2n: sound cannot be decoded.*gridkit validate"):
        read_sound(b"no flac", "s1/bbaf2n")
