"""A lipreader with a bottleneck starts where one without ended."""

from dataclasses import replace

import pytest
import torch

from gridkit.errors import RecipeError
from gridkit.models.acoustic import AcousticSettings
from gridkit.models.lipnet import COMPACT, LipNet
from gridkit.train.pretrained import start_lipreader

SMALL = replace(COMPACT, height_px=12, width_px=24, channels=(4, 4, 4), hidden=8)


def frames() -> torch.Tensor:
    return torch.randint(0, 256, (1, 6, 12, 24, 1), generator=torch.Generator().manual_seed(0))


def test_a_wide_bottleneck_changes_nothing():
    whole = LipNet(SMALL).eval()
    # a frame has 12 features: no more directions count
    narrow = LipNet(replace(SMALL, bottleneck=12)).eval()
    start_lipreader(narrow, whole)
    for said, expected in zip(narrow(frames()), whole(frames()), strict=True):
        torch.testing.assert_close(said, expected, atol=1e-5, rtol=1e-4)


def test_a_narrow_bottleneck_keeps_the_largest_directions():
    whole = LipNet(SMALL)
    narrow = LipNet(replace(SMALL, bottleneck=5))
    start_lipreader(narrow, whole)
    layer = narrow.recurrent.layers[0]
    rows = torch.cat([layer.weight_ih_l0, layer.weight_ih_l0_reverse])
    first = whole.recurrent.layers[0]
    true = torch.cat([first.weight_ih_l0, first.weight_ih_l0_reverse])
    lost = torch.linalg.svdvals(true)[5:].square().sum()
    distance = (rows @ narrow.bottleneck.weight - true).square().sum()
    torch.testing.assert_close(distance, lost)  # none of that rank is nearer


def test_without_a_bottleneck_the_weights_are_taken_as_they_are():
    whole, other = LipNet(SMALL).eval(), LipNet(SMALL).eval()
    start_lipreader(other, whole)
    assert torch.equal(other(frames()).characters, whole(frames()).characters)


def test_another_size_is_one_line():
    with pytest.raises(
        RecipeError,
        match=r"does not fit the model in \d+ tensors, such as bottleneck.*; its recipe needs "
        r"channels = \[4, 4, 8\] in \[model\]; a setting that the voice has too",
    ):
        start_lipreader(LipNet(replace(SMALL, channels=(4, 4, 8), bottleneck=5)), LipNet(SMALL))


def test_a_lipreader_for_a_voice_has_word_feedback_and_no_bottleneck():
    voice = AcousticSettings(height_px=12, width_px=24, channels=(4, 4, 4), hidden=8, bottleneck=5)
    pretrained = LipNet(replace(SMALL, bottleneck=5))
    needed = r"its recipe needs bottleneck = 0, word_feedback = true in \[model\]"
    with pytest.raises(RecipeError, match=needed):
        start_lipreader(LipNet(voice.lipreader), pretrained)


def test_a_bottleneck_wider_than_the_features_is_one_line():
    with pytest.raises(RecipeError, match="give the voice a smaller bottleneck"):
        start_lipreader(LipNet(replace(SMALL, bottleneck=13)), LipNet(SMALL))
