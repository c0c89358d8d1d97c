"""What moves in a comparison video moves with the time, and what does not stays."""

from dataclasses import replace

import numpy as np
import pytest

from gridkit.corpus.alignment import Word
from gridkit.evaluation.video.drawing import (
    ORIGINAL_SOUND,
    PICTURE,
    RIGHT,
    SOUND,
    STRIP,
    WORD_GAP_PX,
    draw_moment,
    draw_stage,
    draw_title,
)
from gridkit.evaluation.video.lettering import BAD, INK, PAPER


def at(scene, place, frame):
    return draw_moment(draw_stage(scene, place), scene, place, frame)


def playhead(picture, box):
    """The column of a box that is white from top to bottom, as a share of its width."""
    white = (picture[box.place] == INK).all(axis=(0, 2))
    return float(np.flatnonzero(white).mean()) / box.width if white.any() else None


def lit_columns(picture):
    """Where letters have the colour of the spoken word, which is green; the others are gray."""
    return np.flatnonzero((picture[..., 1].astype(int) - picture[..., 0] > 60).any(axis=0))


@pytest.mark.parametrize(("place", "boxes"), [(0, [ORIGINAL_SOUND]), (1, [SOUND, STRIP])])
def test_the_playhead_is_where_the_time_is(scene, place, boxes):
    for frame in (0, 20, 74):
        for box in boxes:
            share = playhead(at(scene, place, frame), box)
            assert share == pytest.approx((frame + 0.5) / 75, abs=0.004)


@pytest.mark.parametrize("place", [2, 3])
def test_where_there_is_no_sound_only_the_original_has_a_playhead(scene, place):
    picture = at(scene, place, 40)
    assert playhead(picture, SOUND) is None
    assert playhead(picture, STRIP) == pytest.approx(40.5 / 75, abs=0.004)


def test_the_spectrogram_is_that_of_the_sound(scene):
    """500 Hz is at the bottom of 8 kHz, 4 kHz in the middle."""
    for place, box, share in ((0, ORIGINAL_SOUND, 1 / 16), (1, SOUND, 1 / 2), (1, STRIP, 1 / 16)):
        rows = draw_stage(scene, place)[box.place].sum(axis=(1, 2), dtype=int)
        assert np.argmax(rows) == pytest.approx(box.height * (1 - share), abs=0.03 * box.height)


def test_the_picture_of_the_clip_is_that_of_the_frame(scene):
    for frame in (0, 31):
        shown = at(scene, 1, frame)[PICTURE.place].astype(float)
        small = shown[6::12, 6::12][:40, :40]  # 12.2 pixels for each of 40
        alike = [
            np.corrcoef(small.ravel(), other[: len(small), : small.shape[1]].ravel())[0, 1]
            for other in scene.frames
        ]
        assert np.argmax(alike) == frame


def test_a_wide_crop_keeps_its_shape(scene):
    white = np.full((75, 50, 100, 3), 255, np.uint8)
    shown = at(replace(scene, frames=white), 0, 0)[PICTURE.place].min(axis=2) > 250
    assert (shown.any(axis=0).sum(), shown.any(axis=1).sum()) == (488, 244)


def test_the_word_that_is_spoken_lights_up(scene):
    row = slice(SOUND.top + SOUND.height, STRIP.top), slice(RIGHT.left, None)
    for number, word in enumerate(scene.words):
        frame = round(25 * (word.start_s + word.end_s) / 2)
        lit = lit_columns(at(scene, 1, frame)[row])
        middle = (0.5 + 0.3 * number) / 3 * RIGHT.width
        assert (lit.min() + lit.max()) / 2 == pytest.approx(middle, abs=3)
    assert not lit_columns(at(scene, 1, 5)[row]).size


def test_words_that_follow_closely_do_not_touch(scene):
    close = tuple(Word(word, 1 + 0.01 * place, 1.01 + 0.01 * place) for place, word in enumerate(
        ("blue", "at", "please")))  # fmt: skip
    row = draw_stage(replace(scene, words=close), 1)[
        SOUND.top + SOUND.height : STRIP.top, RIGHT.left :
    ]
    gaps = np.diff(np.flatnonzero((row != PAPER).any(axis=(0, 2))))
    assert (gaps > WORD_GAP_PX).sum() == 2


def test_errors_are_marked_where_there_are_some(scene):
    marked = [bool((draw_stage(scene, place) == BAD).all(axis=2).any()) for place in range(4)]
    assert marked == [False, True, False, True]


def test_a_moment_leaves_its_stage_as_it_was(scene):
    stage = draw_stage(scene, 1)
    before = stage.copy()
    draw_moment(stage, scene, 1, 10)
    assert (stage == before).all()


def test_every_frame_has_the_size_of_the_video(scene):
    for picture in (draw_title(scene), at(scene, 0, 0), at(scene, 3, 74)):
        assert (picture.shape, picture.dtype) == ((720, 1280, 3), np.uint8)
