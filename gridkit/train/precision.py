"""Mixed precision: where a training step computes in bf16.

A CPU that has no instructions for bf16 does it two to four times as slowly as float32 (torch 2.13
on a Xeon with AVX-512 alone: matrix products at 30 for 150 billion operations per second), so it
computes in float32.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch


def has_bf16(device: str) -> bool:
    """Whether a device computes in bf16 at full speed."""
    if torch.device(device).type != "cpu":
        return True
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def autocast(device: str, wanted: bool) -> AbstractContextManager[object]:
    """Return a context in which a model's layers compute in bf16, where they can."""
    enabled = wanted and has_bf16(device)
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=enabled)


@contextmanager
def bf16_products(device: str, wanted: bool) -> Iterator[None]:
    """Let float32 matrix products round their factors to bf16, as those of a CPU's GRU, if it can.

    The sums stay float32, and so does all else: this is not autocast.
    """
    before = torch.get_float32_matmul_precision()
    if wanted and has_bf16(device):
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
