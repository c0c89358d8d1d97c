"""The acoustic model: four frames of a spectrogram per video frame, at any length."""

from dataclasses import replace

import pytest
import torch

from gridkit.models.acoustic import AcousticModel, AcousticSettings

SMALL = AcousticSettings(
    height_px=12, width_px=24, channels=(4, 4, 4), bottleneck=8, hidden=8, decoder_channels=16,
    decoder_blocks=1,
)  # fmt: skip


@pytest.mark.parametrize("frames", [1, 3, 75])
def test_each_video_frame_is_four_of_the_spectrogram(frames):
    model = AcousticModel(SMALL).eval()
    spoken = model(torch.zeros(2, frames, 12, 24, 1, dtype=torch.uint8))
    assert spoken.log_mel.shape == (2, 4 * frames, 80)
    assert spoken.features.shape == (2, 4 * frames, 16)
    assert spoken.output.words.shape == (2, frames, 52)


def test_bands_have_the_mean_and_the_deviation_of_the_training_clips():
    model = AcousticModel(SMALL).eval()
    frames = torch.zeros(1, 4, 12, 24, 1, dtype=torch.uint8)
    before = model(frames).log_mel
    model.mel_mean += 2.0
    model.mel_deviation *= 3.0
    torch.testing.assert_close(model(frames).log_mel, 3 * before + 2)


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"bottleneck": 0}, "bottleneck is at least 1"),
        ({"decoder_blocks": 0}, "decoder_blocks is at least 1"),
        ({"channels": (4, 4)}, "channels has 3 entries"),
        ({"mean": (0.5, 0.5)}, "mean and deviation have one entry for each of 1 colours"),
    ],
)
def test_settings_that_make_no_model_are_named(change, mistake):
    assert list(SMALL.mistakes()) == []
    assert list(replace(SMALL, **change).mistakes()) == [mistake]
