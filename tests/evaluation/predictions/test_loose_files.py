import numpy as np
import pytest
import soundfile

from gridkit.errors import ResultError
from gridkit.evaluation.predictions.loose_files import find_loose_files

SAMPLES = np.random.default_rng(0).integers(-30_000, 30_000, 48_000).astype(np.int16)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "s1").mkdir()
    (tmp_path / "s2").mkdir()
    return tmp_path


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_16_bit_sound_comes_back_to_the_last_bit(folder, suffix):
    soundfile.write(folder / "s1" / f"bbaf2n.{suffix}", SAMPLES, 16_000, subtype="PCM_16")
    predictions = find_loose_files(folder)
    assert list(predictions) == ["s1/bbaf2n"]
    np.testing.assert_array_equal(predictions["s1/bbaf2n"].samples, SAMPLES)


def test_files_are_held_to_what_systems_are(folder):
    soundfile.write(folder / "s1" / "stereo.wav", np.stack([SAMPLES] * 2, 1), 16_000)
    soundfile.write(folder / "s1" / "short.wav", SAMPLES[:46_000], 16_000)
    soundfile.write(folder / "s1" / "nan.wav", np.full(48_000, np.nan), 16_000, subtype="FLOAT")
    soundfile.write(folder / "s1" / "rate.wav", SAMPLES[:24_000], 8_000)
    (folder / "s2" / "noise.wav").write_bytes(b"no sound")
    (folder / "s2" / "text.txt").write_text("bin blue at f two now\n")
    (folder / "s2" / "README.md").write_text("not a prediction")
    predictions = find_loose_files(folder)
    assert {clip: predictions[clip].failure for clip in predictions} == {
        "s1/stereo": "channels",
        "s1/short": "length",
        "s1/nan": "nan",
        "s1/rate": None,
        "s2/noise": "type",
        "s2/text": None,
    }
    assert predictions["s2/text"].text == "bin blue at f two now"
    assert predictions["s1/rate"].samples.shape == (48_000,)


def test_a_clip_with_two_files_is_an_error(folder):
    (folder / "s1" / "bbaf2n.txt").write_text("x")
    (folder / "s1" / "bbaf2n.wav").write_text("x")
    with pytest.raises(ResultError, match=r"s1/bbaf2n has two predictions"):
        find_loose_files(folder)
