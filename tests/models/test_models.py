"""Shapes, sizes, and that each model can learn one batch by heart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gridkit.models.alphabet import CLASSES, WORD_CLASSES, encode
from gridkit.models.decoding import greedy
from gridkit.models.heads import Output
from gridkit.models.lipnet import COMPACT, LSTM, LipNet, LipNetSettings
from gridkit.models.recogniser import LogMel, Recogniser, RecogniserSettings, mel_filters

TEXTS = ["at b", "in z"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def overfit(model: nn.Module, batch: torch.Tensor, steps: int) -> list[str]:
    """Train on one batch by CTC alone and return what the model then reads in it."""
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    labels = torch.tensor([encode(text) for text in TEXTS])
    for _ in range(steps):
        log_probs = model(batch).characters.log_softmax(-1).transpose(0, 1)
        loss = nn.functional.ctc_loss(
            log_probs,
            labels,
            torch.full((2,), len(log_probs)),
            torch.full((2,), labels.shape[1]),
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        log_probs = model(batch).characters.log_softmax(-1).numpy()
    return [greedy(clip).text for clip in log_probs]


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


@pytest.mark.parametrize(
    "settings",
    [
        RecogniserSettings(hidden=32, dropout=0.0, mask_bands=0, mask_frames=0),
        RecogniserSettings(
            front="1d", channels=(32, 32), recurrent="lstm", hidden=64, dropout=0.0,
            mask_bands=0, mask_frames=0,
        ),
    ],
    ids=["2d", "1d"],
)  # fmt: skip
def test_recogniser_learns_one_batch(settings):
    samples = torch.randn(2, 6400, generator=torch.Generator().manual_seed(0)) * 0.1
    assert overfit(Recogniser(settings), samples, 200) == TEXTS


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


@pytest.mark.parametrize(
    "settings",
    [RecogniserSettings(), RecogniserSettings(front="1d", channels=(16, 16), hidden=16)],
    ids=["2d", "1d"],
)
def test_recogniser_gives_fifty_frames_a_second_whatever_the_level(settings):
    model = Recogniser(settings).eval()
    samples = torch.randn(1, 48_000) * 0.1
    with torch.no_grad():
        loud: Output = model(samples)
        soft: Output = model(samples / 4)
    assert loud.characters.shape == (1, 150, CLASSES)
    torch.testing.assert_close(soft.characters, loud.characters, rtol=0.05, atol=0.05)


def test_log_mel_puts_a_tone_into_the_band_of_its_frequency():
    bands = 64
    time_s = torch.arange(16_000) / 16_000
    burst = torch.sin(2 * torch.pi * 1000 * time_s) * (time_s < 0.5)
    levels = LogMel(bands)(burst[None])[0]
    assert levels.shape == (100, bands)
    loudest = int((levels[:40].mean(0)).argmax())
    bins_hz = torch.linspace(0, 8000, 257)
    assert float(bins_hz[mel_filters(bands)[:, loudest].argmax()]) == pytest.approx(1000, abs=50)
    torch.testing.assert_close(levels.mean(0), torch.zeros(bands), atol=1e-4, rtol=0)


def test_training_hides_bands_and_reading_does_not():
    model = Recogniser()
    samples = torch.randn(1, 16_000) * 0.1
    with torch.no_grad():
        assert not torch.equal(model.features(samples), model.features(samples))
        model.eval()
        assert torch.equal(model.features(samples), model.features(samples))


def test_a_recurrent_layer_stays_in_float32_on_a_cpu():
    """In bf16 autocast a GRU on a CPU takes fifteen times as long as the convolutions."""
    model = LipNet(SMALL).eval()
    seen = {}
    model.front.register_forward_hook(lambda _m, _i, out: seen.update(front=out.dtype))
    model.recurrent.layers[0].register_forward_hook(
        lambda _m, _i, out: seen.update(recurrent=out[0].dtype)
    )
    frames = torch.randint(0, 256, (1, 10, 16, 24, 1), dtype=torch.uint8)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(frames)
    assert seen == {"front": torch.bfloat16, "recurrent": torch.float32}
    assert output.characters.dtype == torch.float32
