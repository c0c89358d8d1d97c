"""Training on one batch until a model knows it by heart."""

import torch
from torch import nn

from gridkit.models.alphabet import encode
from gridkit.models.decoding import greedy

TEXTS = ["at b", "in z"]


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
