"""Mixed precision: where a training step computes in bf16."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch


def autocast(device: str, wanted: bool) -> AbstractContextManager[object]:
    """Return a context in which a model's layers compute in bf16, where they can."""
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=wanted)


@contextmanager
def bf16_products(wanted: bool) -> Iterator[None]:
    """Let float32 matrix products round their factors to bf16, as those of a CPU's GRU.

    The sums stay float32, and so does all else: this is not autocast.
    """
    before = torch.get_float32_matmul_precision()
    if wanted:
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
