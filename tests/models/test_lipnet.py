"""Shapes, sizes, precision, and that each LipNet can learn one batch by heart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.overfit import TEXTS, overfit
from torch import nn

from gridkit.models.alphabet import CLASSES, WORD_CLASSES
from gridkit.models.lipnet import COMPACT, LSTM, LipNet, LipNetSettings
from gridkit.models.recogniser import Recogniser

NO_DROPOUT = {"spatial_dropout": 0.0, "recurrent_dropout": 0.0}
SMALL = replace(
    COMPACT, height_px=16, width_px=24, channels=(8, 8, 8), hidden=64, spatial_dropout=0.0
)


@pytest.mark.parametrize(
    "settings",
    [
        replace(SMALL, **NO_DROPOUT),
        replace(LSTM, height_px=24, width_px=48, channels=(8, 8, 8), hidden=64, **NO_DROPOUT),
        replace(LipNetSettings(), height_px=24, width_px=48, channels=(8, 8, 8), **NO_DROPOUT),
    ],
    ids=["compact", "lstm", "paper"],
)
def test_lipnet_learns_one_batch(settings):
    rng = np.random.default_rng(0)
    shape = (2, 20, settings.height_px, settings.width_px, settings.colours)
    frames = torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))
    torch.manual_seed(3)  # 120 steps are enough for the LSTM: rounding does not decide
    assert overfit(LipNet(settings), frames, 200) == TEXTS


def test_lipnet_of_the_paper_has_the_papers_shapes():
    model = LipNet().eval()
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv3d)]
    assert [layer.out_channels for layer in convolutions] == [32, 64, 96]
    assert [layer.kernel_size for layer in convolutions] == [(3, 5, 5), (3, 5, 5), (3, 3, 3)]
    assert [layer.stride for layer in convolutions] == [(1, 2, 2), (1, 1, 1), (1, 1, 1)]
    first, second = model.recurrent.layers
    # 100 x 50 halved four times, rounded down: 6 x 3 places of 96 channels
    assert (first.input_size, first.hidden_size) == (6 * 3 * 96, 256)
    assert (second.input_size, second.bidirectional) == (512, True)
    with torch.no_grad():
        output = model(torch.zeros(1, 75, 50, 100, 3, dtype=torch.uint8))
    assert output.characters.shape == (1, 75, CLASSES)
    assert output.words.shape == (1, 75, WORD_CLASSES)
    assert isinstance(LipNet(LSTM).recurrent.layers[0], nn.LSTM)


def test_sizes_fit_their_recipes():
    def half_bytes(model: nn.Module) -> int:
        return 2 * sum(tensor.numel() for tensor in model.state_dict().values())

    assert half_bytes(LipNet(COMPACT)) < 10e6
    assert half_bytes(Recogniser()) < 3e6


def test_a_clip_is_read_the_same_alone_and_in_a_batch():
    model = LipNet(SMALL).eval()
    frames = torch.randint(0, 256, (3, 10, 16, 24, 1), dtype=torch.uint8)
    with torch.no_grad():
        together = model(frames).characters
        alone = torch.cat([model(clip[None]).characters for clip in frames])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_a_recurrent_layer_stays_in_float32_on_a_cpu():
    """In bf16 autocast a GRU on a CPU takes fifteen times as long as the convolutions."""
    model = LipNet(SMALL).eval()
    seen = {}
    model.front.register_forward_hook(lambda _m, _i, out: seen.update(front=out.dtype))
    model.recurrent.layers[0].register_forward_hook(
        lambda _m, _i, out: seen.update(recurrent=out[0].dtype)
    )
    frames = torch.randint(0, 256, (2, 10, 16, 24, 1), dtype=torch.uint8)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(frames)
    assert seen == {"front": torch.bfloat16, "recurrent": torch.float32}
    assert output.characters.dtype == torch.float32


@pytest.mark.parametrize("settings", [SMALL, replace(LSTM, channels=(4, 4, 4)), LipNetSettings()])
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_one_clip_is_read_as_each_of_many(settings, frames):
    model = LipNet(settings).eval()
    shape = (2, frames, settings.height_px, settings.width_px, settings.colours)
    clips = torch.randint(0, 256, shape, dtype=torch.uint8)
    with torch.no_grad():
        together = model.features(clips)
        alone = torch.cat([model.features(clip[None]) for clip in clips])
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)
