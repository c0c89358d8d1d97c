"""The layer against torch's own."""

import pytest
import torch
from torch import nn

from gridkit.models.gru import BidirectionalGRU


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def pair_of_layers(inputs: int, hidden: int) -> tuple[BidirectionalGRU, nn.GRU]:
    ours = BidirectionalGRU(inputs, hidden)
    theirs = nn.GRU(inputs, hidden, bidirectional=True, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize(
    ("batch", "frames", "inputs", "hidden"),
    [(1, 1, 1, 1), (1, 7, 3, 5), (4, 1, 3, 5), (3, 6, 2, 4), (2, 75, 40, 32)],
)
def test_outputs_and_gradients_are_those_of_torch(batch, frames, inputs, hidden):
    features = torch.randn(batch, frames, inputs)
    of_output, of_last = torch.randn(batch, frames, 2 * hidden), torch.randn(2, batch, hidden)
    results = []
    for layer in pair_of_layers(inputs, hidden):
        given = features.clone().requires_grad_()
        output, last = layer(given)
        loss = (output * of_output).sum() + (last * of_last).sum()
        gradients = torch.autograd.grad(loss, (given, *layer.parameters()))
        results.append((output, last, *gradients))
    assert results[0][0].grad_fn.name() != results[1][0].grad_fn.name()
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_gradients_are_the_slopes_of_the_outputs():
    layer = BidirectionalGRU(3, 2).double()
    features = torch.randn(2, 4, 3, dtype=torch.double, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def output(features, *weights):
        return torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), features)

    assert torch.autograd.gradcheck(output, (features, *layer.parameters()))


def test_features_without_gradient_leave_that_of_the_weights():
    features = torch.randn(2, 5, 3)
    ours, theirs = pair_of_layers(3, 4)
    for layer in (ours, theirs):
        layer(features)[0].square().sum().backward()
    assert features.grad is None
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-5, atol=1e-5)


def test_frozen_weights_get_no_gradient():
    layer = BidirectionalGRU(3, 4)
    layer.weight_hh_l0.requires_grad_(False)
    layer(torch.randn(2, 5, 3))[0].sum().backward()
    assert layer.weight_hh_l0.grad is None
    assert layer.weight_hh_l0_reverse.grad is not None


def test_reading_gives_what_training_gives():
    layer = BidirectionalGRU(3, 4)
    features = torch.randn(2, 5, 3)
    with torch.no_grad():
        read = layer(features)
    for trained, without in zip(layer(features), read, strict=True):
        torch.testing.assert_close(trained, without, rtol=1e-5, atol=1e-5)


def test_weights_have_the_names_and_sizes_of_torch():
    ours, theirs = pair_of_layers(3, 4)
    sizes = {name: weights.shape for name, weights in theirs.state_dict().items()}
    assert {name: weights.shape for name, weights in ours.state_dict().items()} == sizes


def test_products_may_be_rounded_to_bf16_where_the_caller_allows_it():
    ours, theirs = pair_of_layers(40, 32)
    features, of_output = torch.randn(2, 20, 40), torch.randn(2, 20, 64)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        rounded = torch.autograd.grad((ours(features)[0] * of_output).sum(), ours.parameters())
    finally:
        torch.set_float32_matmul_precision(before)
    exact = torch.autograd.grad((theirs(features)[0] * of_output).sum(), theirs.parameters())
    for mine, other in zip(rounded, exact, strict=True):
        assert mine.dtype == torch.float32
        assert not torch.allclose(mine, other, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(mine, other, rtol=0.02, atol=0.02 * float(other.abs().max()))
