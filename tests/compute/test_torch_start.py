"""torch for a short command: what is left out is there for who asks, and nothing else changes."""

import subprocess
import sys

LATER = """
import gc, sys
from gridkit.compute.torch_start import SHAPE_RULES, start_torch

start_torch()
import torch
assert gc.isenabled()
assert SHAPE_RULES not in sys.modules, "only its place is kept free"
assert torch.nn.Linear(3, 2)(torch.ones(1, 3)).shape == (1, 2)

import torch._meta_registrations
shape = torch.nn.Linear(3, 2, device="meta")(torch.ones(1, 3, device="meta")).shape
exported = torch.export.export(torch.nn.Linear(3, 2), (torch.ones(1, 3),))
print(shape, torch._meta_registrations.__file__ is not None)
"""


def test_what_is_left_out_can_be_imported_later():
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "torch.Size([1, 2]) True"


def test_generators_are_there_for_who_asks():
    code = (
        "from gridkit.compute.torch_start import SHAPE_RULES, start_torch\n"
        "start_torch(with_generators=True)\n"
        "import sys, torch; print(torch.Generator().manual_seed(3).initial_seed())\n"
        "assert SHAPE_RULES not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3"
