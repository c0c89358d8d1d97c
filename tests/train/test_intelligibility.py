"""Extended STOI as a loss, beside pystoi's."""

import numpy as np
import pystoi
import pytest
import torch
from pystoi.stoi import OBM
from support.signals import add_noise, make_voice

from gridkit.train.intelligibility import band_bins, estoi_loss


def as_sound(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(samples / 32768).float()[None]


def test_bands_are_those_of_pystoi():
    assert np.array_equal(band_bins().T, OBM)


@pytest.mark.parametrize("snr_db", [30, 10, 0, -10])
def test_the_loss_is_nearly_what_pystoi_measures(snr_db):
    true = make_voice()
    said = add_noise(true, snr_db)
    expected = pystoi.stoi(true / 32768, said / 32768, 16_000, extended=True)
    assert 1 - float(estoi_loss(as_sound(said), as_sound(true))) == pytest.approx(
        expected, abs=0.02
    )


def test_a_step_against_the_gradient_is_understood_better():
    true = as_sound(make_voice())
    said = as_sound(add_noise(make_voice(), 0)).requires_grad_()
    before = estoi_loss(said, true)
    (slope,) = torch.autograd.grad(before, said)
    step = 0.1 * said.detach().norm() * slope / slope.norm()
    assert float(estoi_loss(said.detach() - step, true)) < float(before) - 0.01


def test_silence_is_not_understood_and_has_a_gradient():
    true = as_sound(make_voice())
    silent = torch.zeros(2, 48_000, requires_grad=True)
    loss = estoi_loss(silent, torch.cat([true, torch.zeros_like(true)]))
    assert float(loss) == pytest.approx(1, abs=0.01)
    loss.backward()
    assert torch.isfinite(silent.grad).all()
