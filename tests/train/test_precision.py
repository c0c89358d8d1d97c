"""bf16 only where the device has instructions for it: elsewhere it is slower than float32."""

import pytest
import torch

from gridkit.train.precision import autocast, bf16_products, has_bf16


@pytest.fixture(params=[{"avx512_bf16": True}, {"amx_bf16": True}, {"bf16": True}, {}], ids=str)
def capabilities(request, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: request.param)
    return request.param


def test_a_cpu_computes_in_bf16_if_it_can(capabilities):
    assert has_bf16("cpu") == bool(capabilities)
    with autocast("cpu", wanted=True):
        made = torch.ones(2, 2) @ torch.ones(2, 2)
    assert made.dtype == (torch.bfloat16 if capabilities else torch.float32)
    before = torch.get_float32_matmul_precision()
    with bf16_products("cpu", wanted=True):
        within = torch.get_float32_matmul_precision()
    assert within == ("medium" if capabilities else before)
    assert torch.get_float32_matmul_precision() == before


def test_where_it_is_not_wanted_it_is_not_done(capabilities):
    with autocast("cpu", wanted=False):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_a_gpu_always_can():
    assert has_bf16("cuda:0")
