"""The voices that `recogniser-unseen` learns from become a pack that its training takes."""

import importlib.util
import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gridkit.cli.main import gridkit
from gridkit.corpus.grammar import words_of
from gridkit.media.codecs import decode_flac
from gridkit.store.reader import open_corpus

RECIPE = Path(__file__).parents[2] / "recipes/recogniser-unseen"


@pytest.fixture(scope="module")
def voices():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("voices", RECIPE / "voices.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def few(voices, monkeypatch):
    """One speaker of espeak-ng to train on, one for val, two clips each; none of flite or Pico."""
    pytest.importorskip("espeakng_loader", reason='needs pip install "gridkit[synth]"')
    monkeypatch.setattr(voices, "ESPEAK_VOICES", 2)
    monkeypatch.setattr(voices, "ESPEAK_TRAIN", 1)
    monkeypatch.setattr(voices, "ESPEAK_CLIPS", 2)
    monkeypatch.setattr(voices, "ESPEAK_VAL_CLIPS", 2)
    monkeypatch.setattr(voices, "recorded_clips", lambda: iter(()))


def test_a_recipe_trains_on_the_pack_of_voices(voices, few, small_corpus, tmp_path):
    pack = tmp_path / "voices.pack"
    made = CliRunner().invoke(voices.main, [str(small_corpus), str(pack)])
    assert made.exception is None, made.output
    # eight train and val clips of s1, four synthetic ones
    assert "12 clips" in made.output
    out = tmp_path / "run"
    step = ["--set", "training.steps=1", "--set", "training.batch=2", "--threads", "1"]
    line = ["train", str(RECIPE), "--packed", str(pack), "--out", str(out), *step]
    trained = CliRunner().invoke(gridkit, line)
    assert trained.exception is None, trained.output
    assert "step 1 of 1 (finished)" in trained.output
    assert (out / "trained_on.txt").read_text().split() == sorted(
        clip.id for clip in open_corpus(small_corpus).clips("s1", "train")
    ) + [f"x1/{code}" for code in voices.codes_of(1, voices.SEED, 2)]


def test_a_sentence_in_a_room_is_aligned(voices):
    code = "bbaf2n"
    said = voices.say(code, 1, np.random.default_rng(0))[1] / 32768

    def speaker(words, speed):
        assert words == words_of(code)
        return voices.soxr.resample(said, 44_100, round(16_000 / speed))

    clip = voices.in_a_room(words_of(code), speaker, np.random.default_rng(0))
    assert (clip.shape, clip.dtype) == ((48_000,), np.int16)
    assert -15.1 < 20 * np.log10(np.abs(clip).max() / 32768) < -2.9
    words = voices.aligned(words_of(code), clip)
    assert tuple(word.word for word in words) == words_of(code)
    times = [time for word in words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] <= 3


@pytest.mark.skipif(shutil.which("flite") is not None, reason="flite is here")
def test_a_missing_voice_is_named(voices):
    with pytest.raises(voices.click.ClickException, match="apt install flite"):
        next(islice(voices.recorded_clips(), 1))


def test_real_clips_are_those_of_train_and_val(voices, small_corpus):
    clips = {label.id: (label, samples) for label, samples in voices.real_clips(small_corpus)}
    opened = open_corpus(small_corpus)
    assert clips.keys() == {
        clip.id for subset in ("train", "val") for clip in opened.clips("s1", subset)
    }
    for clip in opened.clips("s1", "val"):
        label, samples = clips[clip.id]
        assert (label.subset, label.text, label.words) == ("val", clip.text, clip.words)
        assert (samples == decode_flac(clip.audio_flac)[0]).all()
