"""The advice of the card, `cast_column`, with torchcodec: what it decodes is what was stored."""

import io

import numpy as np
import pytest
import soundfile

from gridkit.media.codecs import decode_crop


@pytest.fixture(autouse=True)
def _torchcodec():
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        pytest.skip(f"torchcodec is missing or does not load, see gridkit doctor ({reason})")


def test_sound_and_crops_decode_to_what_was_stored(pristine, clips, tmp_path):
    from datasets import Audio, Video, load_dataset

    rows = load_dataset(str(pristine), split="clips", cache_dir=str(tmp_path))
    rows = rows.cast_column("audio", Audio()).cast_column("crop_mouth96", Video())
    row = rows[0]
    clip = next(clip for clip in clips if clip.id == row["id"])

    sound = row["audio"].get_all_samples()
    expected, rate_hz = soundfile.read(io.BytesIO(clip.audio_flac), dtype="float32")
    assert (sound.sample_rate, tuple(sound.data.shape)) == (rate_hz, (1, 48_000))
    np.testing.assert_array_equal(sound.data[0].numpy(), expected)

    frames = row["crop_mouth96"].get_frames_in_range(0, 75).data.numpy()  # RGB
    luma = decode_crop(clip.crops["mouth96"]).luma.astype(int)
    assert frames.shape == (75, 3, 96, 96)
    assert np.abs(frames.astype(int) - luma[:, None]).max() <= 1
