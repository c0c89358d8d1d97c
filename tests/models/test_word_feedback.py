"""The last recurrent layer gets the words that the others recognise."""

from dataclasses import replace

import pytest
import torch

from gridkit.models.lipnet import COMPACT, LipNet
from gridkit.models.recogniser import Recogniser, RecogniserSettings

SMALL = replace(COMPACT, height_px=12, width_px=24, channels=(4, 4, 4), hidden=8)
FRAMES = torch.randint(0, 256, (2, 10, 12, 24, 1), generator=torch.Generator().manual_seed(0))


def reader(word_feedback: bool) -> LipNet:
    torch.manual_seed(0)
    return LipNet(replace(SMALL, word_feedback=word_feedback)).eval()


def test_words_are_those_before_the_last_layer():
    model = reader(True)
    before = model(FRAMES)
    assert before.characters.shape == (2, 10, 28)
    assert before.words.shape == (2, 10, 52)
    with torch.no_grad():
        model.recurrent.layers[-1].weight_ih_l0.zero_()
    after = model(FRAMES)
    assert torch.equal(before.words, after.words)
    assert not torch.allclose(before.characters, after.characters)


def test_what_is_fed_back_reaches_the_characters():
    model = reader(True)
    before = model(FRAMES)
    with torch.no_grad():
        model.heads.words.bias[7] += 20.0  # as sure as can be of one word
    after = model(FRAMES)
    assert not torch.allclose(before.characters, after.characters)
    with torch.no_grad():
        model.feedback.projection.weight.zero_()
        model.feedback.projection.bias.zero_()
    plain = reader(False)
    plain.load_state_dict({n: t for n, t in model.state_dict().items() if "feedback" not in n})
    torch.testing.assert_close(model(FRAMES).characters, plain(FRAMES).characters)


@pytest.mark.parametrize("word_feedback", [False, True])
def test_weights_hold_the_feedback_only_where_it_is_set(word_feedback):
    names = reader(word_feedback).state_dict()
    assert any("feedback" in name for name in names) is word_feedback


def test_a_recogniser_hears_its_words_too():
    settings = RecogniserSettings(channels=(4, 4, 4), hidden=8, word_feedback=True)
    torch.manual_seed(0)
    model = Recogniser(settings).eval()
    samples = torch.randn(1, 3200, generator=torch.Generator().manual_seed(0))
    before = model(samples)
    with torch.no_grad():
        model.heads.words.bias[7] += 20.0
    assert not torch.allclose(before.characters, model(samples).characters)
