"""A spliced clip is one clip up to the cut, and another from there on, in pictures and in words."""

import numpy as np
import pytest
import torch

from gridkit.corpus.alignment import Word
from gridkit.train.batches import FrameBatches
from gridkit.train.clips import Label, TrainingClips
from gridkit.train.settings import AugmentationSettings
from gridkit.train.splice import Cut, partners, splice_labels, spliced_places


def label(id, text, start_s, word_s=0.2):
    words = tuple(
        Word(word, start_s + word_s * index, start_s + word_s * (index + 1))
        for index, word in enumerate(text.split())
    )
    return Label(id, "train", text, words)


FIRST = label("s1/bbaf2n", "bin blue at f two now", 0.4)
SECOND = label("s1/lrwz9a", "lay red with z nine again", 0.8)


def test_the_words_of_both_in_the_times_at_which_they_are_seen():
    spliced, cut = splice_labels(FIRST, SECOND, 3, 75)
    assert spliced.text == "bin blue at z nine again"
    assert spliced.id == FIRST.id
    # the third word of the first ends at 1.0 s, that of the second at 1.4 s: 10 frames earlier
    assert cut == Cut(25, 35)
    assert spliced.words[:3] == FIRST.words[:3]
    for word, original in zip(spliced.words[3:], SECOND.words[3:], strict=True):
        assert word.word == original.word
        assert word.start_s == pytest.approx(original.start_s - 0.4)
        assert word.end_s == pytest.approx(original.end_s - 0.4)


def test_a_clip_whose_words_would_not_end_in_time_is_left():
    late = label("s1/lrwz9a", "lay red with z nine again", 0.4, word_s=0.4)
    assert splice_labels(late, label("s1/x", "bin blue at f two now", 0.0, 0.4), 5, 75) is not None
    slow = label("s1/x", "bin blue at f two now", 1.2, word_s=0.3)
    assert splice_labels(slow, late, 5, 75) is None


def test_the_frames_follow_and_the_last_fills_the_end():
    first = np.arange(75)
    both = np.stack([first, first + 100])
    earlier = both[spliced_places(Cut(25, 35), 75)].tolist()
    assert earlier == [*range(25), *range(135, 175), *[174] * 10]
    later = both[spliced_places(Cut(35, 25), 75)].tolist()
    assert later == [*range(35), *range(125, 165)]


def test_a_face_goes_on_as_itself():
    labels = (FIRST, label("s2/a", FIRST.text, 0.4), SECOND, label("s2/b", FIRST.text, 0.4))
    found = partners(labels, np.array([0, 1, 2]))
    assert {speaker: places.tolist() for speaker, places in found.items()} == {
        "s1": [0, 2],
        "s2": [1],
    }


def test_a_batch_shows_in_each_frame_the_word_it_is_labelled_with():
    # each frame's pixels are the class of the word said in it, so labels can be read off
    from gridkit.models.alphabet import decode, word_frames

    labels = (FIRST, SECOND)
    classes = [np.array(word_frames(clip.words, 75, 25.0), np.uint8) for clip in labels]
    frames = np.stack(classes).reshape(2, 75, 1, 1, 1)
    clips = TrainingClips(labels, frames, np.zeros((2, 48_000), np.int16))
    change = AugmentationSettings(flip=0.0, frame_change=0.1, contrast=0.0, splice=1.0)
    texts = set()
    for step in range(20):
        batch = FrameBatches(clips, (1, 1), "cpu").training(np.array([0, 1]), 0, step, change)
        assert (batch.inputs.flatten(1).long() == batch.words).all()
        texts.add(decode(batch.labels[: batch.label_lengths[0]].tolist()))
    assert FIRST.text in texts  # its own partner at times
    assert len(texts) > 3
    assert all(text.split()[0] == "bin" for text in texts)


def test_no_splice_draws_nothing():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 75, 4, 4, 1), dtype=np.uint8)
    clips = TrainingClips((FIRST, SECOND), frames, np.zeros((2, 48_000), np.int16))
    rare = AugmentationSettings(splice=0.0)
    inputs = FrameBatches(clips, (4, 4), "cpu").training(np.array([0]), 0, 0, rare).inputs
    again = np.random.default_rng((0, 0, 0))
    from gridkit.train.augment import change_frames, draw_frame_change

    change = draw_frame_change(again, rare, (75, 4, 4), (4, 4))
    torch.testing.assert_close(
        inputs[0], change_frames(torch.from_numpy(frames[0]), change, (4, 4))
    )
