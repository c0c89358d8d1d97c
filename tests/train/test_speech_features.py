"""What a recogniser hears in a spectrogram is what it hears in its sound, nearly."""

import torch
from support.signals import add_noise, make_voice

from gridkit.models.mel import LogMelSpectrogram
from gridkit.models.recogniser import Recogniser
from gridkit.train.losses import features_loss
from gridkit.train.speech_features import SpeechFeatures


def as_batch(samples):
    return torch.from_numpy(samples / 32768).float()[None]


def test_a_spectrogram_is_heard_nearly_as_its_sound():
    torch.manual_seed(0)
    listener = SpeechFeatures(Recogniser().eval())
    voice, other = as_batch(make_voice()), as_batch(make_voice(seed=1, f0_hz=200.0))
    noisy = as_batch(add_noise(make_voice(), 20.0))
    with torch.no_grad():
        heard = listener.of_sound(voice)
        same = features_loss(listener.of_mel(LogMelSpectrogram()(voice)), heard)
        changed = features_loss(listener.of_sound(other), heard)
        disturbed = features_loss(listener.of_sound(noisy), heard)
    assert 0 < same < 0.5 * changed
    assert 0 < disturbed < changed
    assert [layer.shape[:2] for layer in heard] == [(1, 150)] * 2


def test_a_quiet_spectrogram_has_the_floor_of_its_sound():
    torch.manual_seed(0)
    listener = SpeechFeatures(Recogniser().eval())
    quiet = as_batch(make_voice()) / 300
    with torch.no_grad():
        heard = listener.of_sound(quiet)
        same = features_loss(listener.of_mel(LogMelSpectrogram()(quiet)), heard)
        louder = features_loss(listener.of_sound(10 * quiet), heard)
    assert same < 0.5 * louder


def test_a_gradient_reaches_the_spectrogram_and_the_sound():
    listener = SpeechFeatures(Recogniser().eval().requires_grad_(False))
    sound = as_batch(make_voice()).requires_grad_()
    listener.of_sound(sound)[-1].square().sum().backward()
    mel = LogMelSpectrogram()(sound.detach()).requires_grad_()
    listener.of_mel(mel)[-1].square().sum().backward()
    for gradient in (sound.grad, mel.grad):
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0
