"""A bidirectional GRU layer whose training step on a CPU is short.

torch's own layer there is a loop over frames of small differentiable operations, and each frame
makes its own part of every weight's gradient. Here both directions go through the frames
together, backward the loop makes the gradients of the gates alone, and all that does not wait for
another frame (what comes in, the weights' gradients) is one product over all frames.

Inside, tensors are (2, B, T, ...) or (2, T, B, ...): direction, step, clip. Step 0 of the second
direction is the last frame. Gates lie in torch's order, reset r, update z, new n:
n = tanh(W_n x + b_n + r * (U_n h + c_n)), h' = (1 - z) * n + z * h.

Source: Cho et al. 2014, arXiv:1406.1078, in the form of cuDNN and `torch.nn.GRU`.
"""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable


class BidirectionalGRU(nn.GRU):
    """One layer of `nn.GRU`, batch first: the same weights under the same names, and results."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__(inputs, hidden, bidirectional=True, batch_first=True)

    def forward(  # type: ignore[override]  # no packed sequences, no first state
        self, features: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Map features (B, T, inputs) to (B, T, 2 x hidden) and the last states (2, B, hidden)."""
        if features.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(features)
        output: torch.Tensor = _Layer.apply(  # type: ignore[no-untyped-call]
            features, *self._flat_weights
        )
        ahead, back = output.chunk(2, -1)
        return output, torch.stack((ahead[:, -1], back[:, 0]))


class _Layer(torch.autograd.Function):
    """The layer of features (B, T, I), and W_ih, W_hh, b_ih, b_hh of each direction."""

    @staticmethod
    def forward(ctx: Any, features: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        w_ih, w_hh, b_ih, b_hh = (
            torch.stack(pair) for pair in zip(weights[:4], weights[4:], strict=True)
        )
        hidden = w_hh.shape[-1]
        incoming = _product(features.flatten(0, 1), w_ih.flatten(0, 1).T)
        gates = _by_step(incoming.view(*features.shape[:2], -1))
        gates += b_ih[:, None, None]
        # the state joins the new gate only after r: that part of its sum starts apart
        new = gates[..., 2 * hidden :].clone()
        gates[..., 2 * hidden :] = 0
        gates += b_hh[:, None, None]
        states = gates.new_zeros(2, len(gates[0]) + 1, len(features), hidden)
        _run(gates, new, states, w_hh.transpose(1, 2).contiguous())
        ctx.save_for_backward(features, w_ih, w_hh, gates, new, states)
        return _by_frame(states[:, 1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        features, w_ih, w_hh, gates, new, states = ctx.saved_tensors
        before = states[:, :-1]
        r, z, hidden_new = gates.chunk(3, -1)
        # slopes of the sums in front of the gates, by the state they make: known before the loop
        slope_n = (1 - z) * (1 - new * new)
        slopes = torch.cat(
            (slope_n * hidden_new * r * (1 - r), (before - new) * z * (1 - z), slope_n * r), -1
        )
        by_state = _by_step(by_output)
        _run_back(by_state, slopes, z, w_hh)  # slopes are gradients from here on
        by_sums = slopes.flatten(1, 2)
        by_w_hh = _product(by_sums.transpose(1, 2), before.flatten(1, 2))
        by_b_hh = by_sums.sum(1)
        torch.mul(by_state, slope_n, out=slopes[..., 2 * w_hh.shape[-1] :])
        by_b_ih = by_sums.sum(1)
        by_incoming = _by_frame(slopes).flatten(0, 1)
        by_w_ih = _product(by_incoming.T, features.flatten(0, 1)).view_as(w_ih)
        by_features = None
        if ctx.needs_input_grad[0]:
            by_features = _product(by_incoming, w_ih.flatten(0, 1)).view_as(features)
        return by_features, *(
            by_weight[direction]
            for direction in (0, 1)
            for by_weight in (by_w_ih, by_w_hh, by_b_ih, by_b_hh)
        )


def _run(gates: torch.Tensor, new: torch.Tensor, states: torch.Tensor, w_hh: torch.Tensor) -> None:
    """Go through the steps in place.

    Args:
        gates: (2, T, B, 3 x hidden), what comes in; becomes r, z and U_n h + c_n.
        new: (2, T, B, hidden), what comes in; becomes n.
        states: (2, T + 1, B, hidden), from the first on.
        w_hh: (2, hidden, 3 x hidden).
    """
    hidden = new.shape[-1]
    for sums, r_z, r, z, hidden_new, n, state, following in zip(
        gates.unbind(1),
        gates[..., : 2 * hidden].unbind(1),
        *(gate.unbind(1) for gate in gates.chunk(3, -1)),
        new.unbind(1),
        states[:, :-1].unbind(1),
        states[:, 1:].unbind(1),
        strict=True,
    ):
        sums.baddbmm_(state, w_hh)
        r_z.sigmoid_()
        n.addcmul_(r, hidden_new).tanh_()
        torch.lerp(n, state, z, out=following)


def _run_back(
    by_state: torch.Tensor, slopes: torch.Tensor, z: torch.Tensor, w_hh: torch.Tensor
) -> None:
    """Go back through the steps in place.

    Args:
        by_state: (2, T, B, hidden), gradient of the state after each step, by the output alone;
            then by all that follows.
        slopes: (2, T, B, 3 x hidden), of the sums by that state; become the sums' gradients.
        z: (2, T, B, hidden).
        w_hh: (2, 3 x hidden, hidden).
    """
    by_states = by_state.unbind(1)
    sums = slopes.unbind(1)
    gates = slopes.view(*z.shape[:3], 3, -1).unbind(1)
    updates = z.unbind(1)
    for step in range(len(sums) - 1, -1, -1):
        gates[step].mul_(by_states[step].unsqueeze(-2))
        if step:
            by_states[step - 1].addcmul_(by_states[step], updates[step])
            by_states[step - 1].baddbmm_(sums[step], w_hh)


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Multiply matrices, in bf16 where that is precise enough for float32 products.

    That is what "medium" says; but left to round float32 itself, oneDNN takes twice as long.
    """
    if left.dtype != torch.float32 or torch.get_float32_matmul_precision() != "medium":
        return left @ right
    return (left.bfloat16() @ right.bfloat16()).float()


def _by_step(frames: torch.Tensor) -> torch.Tensor:
    """Copy (B, T, 2 x F), where the second half is of the second direction, to (2, T, B, F)."""
    ahead, back = frames.transpose(0, 1).chunk(2, -1)
    return torch.stack((ahead, back.flip(0)))


def _by_frame(steps: torch.Tensor) -> torch.Tensor:
    """Copy (2, T, B, F) to (B, T, 2 x F)."""
    ahead, back = steps.transpose(1, 2)
    return torch.cat((ahead, back.flip(1)), -1)
