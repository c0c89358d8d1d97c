"""The video that is written: as long as it should be, each sound where its name is shown."""

import av
import numpy as np
import pytest

from gridkit.errors import UsageError
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.subset import read_sound
from gridkit.evaluation.video.drawing import draw_stage, draw_title
from gridkit.evaluation.video.film import (
    HOLD_FRAMES,
    TITLE_FRAMES,
    count_frames,
    film_results,
    moments,
)
from gridkit.store.reader import open_corpus

NAMES = ["other", "hum"]


@pytest.fixture(scope="module")
def film(three, judge, tmp_path_factory):
    """Two clips by the original, another clip's sound, and the truth through its spectrogram."""
    results = [judge("shuffled"), judge("griffin-lim")]
    out = tmp_path_factory.mktemp("film") / "out.mp4"
    ids = results[0].table.ids
    film_results(results, NAMES, open_corpus(three), [ids[2], ids[0]], out)
    return out


def heard(path):
    """The sound at 16 kHz, int16 (N,)."""
    samples = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        for frame in container.decode(audio=0):
            samples += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        samples += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(samples)


def alike(one, two):
    return abs(np.corrcoef(one[1000:-1000], two[1000:-1000])[0, 1])


def test_its_streams_and_its_length(film):
    with av.open(str(film)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        frames = sum(1 for _ in container.decode(video=0))
        length_s = container.duration / 1e6
    assert frames == count_frames(clips=2, takes=3) == 2 * (50 + 3 * 85)
    assert length_s == pytest.approx(frames / 25, abs=0.05)


def test_each_sound_is_heard_in_its_turn(film, three, judge):
    corpus, track = open_corpus(three), heard(film)
    ids = judge("shuffled").table.ids
    at = 0
    for clip in (ids[2], ids[0]):
        original = read_sound(corpus.row(clip, ["audio"])["audio"]["bytes"], clip)
        saved = (judge("shuffled"), judge("griffin-lim"))
        predicted = (PredictionWriter(scored.folder).saved()[clip].samples for scored in saved)
        at += TITLE_FRAMES * 640
        assert np.abs(track[at - 20_000 : at - 2_000]).max() < 10
        for sound in (original, *predicted):
            part = track[at : at + 48_000]
            assert alike(part, sound) > 0.99
            assert alike(np.roll(part, 7), sound) < 0.95
            at += (75 + HOLD_FRAMES) * 640
            assert np.abs(track[at - 5_000 : at - 2_000]).max() < 10


def test_the_picture_is_that_of_the_sound(scene):
    """The frames of the moments are those of the stage whose sound they play."""
    shown = list(moments(scene))
    assert len(shown) == count_frames(clips=1, takes=4)
    assert (shown[0].picture == draw_title(scene)).all()
    for place, take in enumerate(scene.takes):
        start = TITLE_FRAMES + place * (75 + HOLD_FRAMES)
        part = shown[start : start + 75]
        samples = np.concatenate([moment.samples for moment in part])
        wanted = np.zeros(48_000, np.int16) if take.samples is None else take.samples
        assert (samples == wanted).all()
        name = slice(130, 170), slice(568, 1240)
        assert (part[30].picture[name] == draw_stage(scene, place)[name]).all()
        assert not any(moment.samples.any() for moment in shown[start + 75 : start + 85])


def test_nothing_is_written_where_a_clip_is_unknown(three, judge, tmp_path):
    with pytest.raises(UsageError, match="--clip s9/bbaf2n"):
        film_results(
            [judge("noise")], ["noise"], open_corpus(three), ["s9/bbaf2n"], tmp_path / "out.mp4"
        )
    assert not list(tmp_path.iterdir())


def test_systems_that_give_text_are_shown_without_sound(three, judge, tmp_path):
    right = judge("reference", "lipreading")
    ids = right.table.ids
    film_results([right], ["reader"], open_corpus(three), ids[:1], tmp_path / "out.mp4")
    track = heard(tmp_path / "out.mp4")
    start = TITLE_FRAMES * 640
    assert np.abs(track[start : start + 48_000]).max() > 1000
    assert np.abs(track[start + 50_000 :]).max() < 10
