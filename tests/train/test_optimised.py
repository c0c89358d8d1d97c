"""A module in training: gradients are clipped, weights are averaged, several take turns."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn

from gridkit.errors import TrainingError
from gridkit.train.optimised import Optimised
from gridkit.train.settings import TrainingSettings

SETTINGS = TrainingSettings(steps=10, warmup_steps=1, learning_rate=0.1, average_decay=0.9)


def linear(settings: TrainingSettings = SETTINGS, largest_loss: float = 1e3) -> Optimised:
    torch.manual_seed(0)
    return Optimised(nn.Linear(2, 1), settings, largest_loss)


def loss_of(optimised: Optimised) -> torch.Tensor:
    return (optimised.module(torch.ones(4, 2)) - 3).square().mean()


def test_the_average_follows_the_weights_quickly_then_slowly():
    trained = linear()
    before = trained.average["weight"].clone()
    trained.descend(loss_of(trained), 0)
    now = trained.module.weight.detach()
    # the decay of step n is the smaller of (2 + n) / (11 + n) and the setting
    torch.testing.assert_close(trained.average["weight"], before + (1 - 2 / 11) * (now - before))
    before = trained.average["weight"].clone()
    trained.descend(loss_of(trained), 1000)
    now = trained.module.weight.detach()
    torch.testing.assert_close(trained.average["weight"], before + (1 - 0.9) * (now - before))


def test_the_averaged_weights_are_there_only_for_a_while():
    trained = linear()
    trained.descend(loss_of(trained), 0)
    now = trained.module.weight.detach().clone()
    with trained.averaged() as module:
        assert torch.equal(module.weight, trained.average["weight"])
        assert not module.training
    assert torch.equal(trained.module.weight, now)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 5.0])
def test_a_loss_that_is_lost_changes_nothing_and_is_one_line(value):
    trained = linear(largest_loss=5.0)
    before = trained.module.weight.detach().clone()
    with pytest.raises(TrainingError, match=r"the loss is .* at step 7; run again with a lower"):
        trained.descend(loss_of(trained) * 0 + value, 7)
    assert torch.equal(trained.module.weight, before)


def test_one_that_descends_leaves_the_other_as_it_is():
    generator, critic = linear(), linear()
    before = critic.module.weight.detach().clone()
    generator.descend(critic.module(generator.module(torch.ones(4, 2)).expand(4, 2)).mean(), 0)
    assert torch.equal(critic.module.weight, before)
    # nor does the critic's next step see the gradient that went through it
    alone = linear()
    for one in (critic, alone):
        one.descend(loss_of(one), 0)
    assert torch.equal(critic.module.weight, alone.module.weight)


def test_gradients_are_clipped_and_the_state_comes_back():
    tight = replace(SETTINGS, clip_norm=1e-3)
    trained = linear(tight)
    trained.descend(loss_of(trained), 0)
    norm = torch.cat([p.grad.flatten() for p in trained.module.parameters()]).norm()
    assert norm == pytest.approx(1e-3, rel=1e-3)
    again = linear(tight)
    again.load_state_dict(deepcopy(trained.state_dict()))
    for one in (trained, again):
        one.descend(loss_of(one), 1)
    assert torch.equal(trained.module.weight, again.module.weight)
    assert torch.equal(trained.average["weight"], again.average["weight"])


def test_a_part_may_learn_at_a_share_of_the_rate():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    trained = Optimised(model, replace(SETTINGS, weight_decay=0.0), 1e3, {"0.": 0.1})
    before = [layer.weight.detach().clone() for layer in model]
    trained.descend(loss_of(trained), 0)
    # the first step of Adam is as large as the rate, whatever the gradient
    slow, quick = (
        (layer.weight.detach() - old).abs().max() for layer, old in zip(model, before, strict=True)
    )
    assert float(slow) == pytest.approx(0.01, rel=1e-3)
    assert float(quick) == pytest.approx(0.1, rel=1e-3)
