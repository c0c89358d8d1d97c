"""What the allocator does with memory that is freed."""

import os
import subprocess
import sys

import pytest

PAGES_OF_THE_SECOND_BLOCK = """
import resource
from gridkit.compute.memory import keep_freed_memory, keep_some_freed_memory
{call}
faults = []
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray({size})
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[1])
"""


LOADING_A_SYSTEM = """
from gridkit.recipe import load_system
from gridkit.recipe.shelf import shipped_folder
load_system(shipped_folder() / "v2s-gan-s1")
"""
ONLY_GLIBC = pytest.mark.skipif(sys.platform != "linux", reason="of glibc's allocator")


def pages(call: str, size: int) -> int:
    script = PAGES_OF_THE_SECOND_BLOCK.format(call=call, size=size)
    run = [sys.executable, "-c", script]
    own = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    ran = subprocess.run(run, env=own, capture_output=True, text=True, check=True)
    return int(ran.stdout)


@ONLY_GLIBC
def test_a_block_gets_the_pages_of_the_one_freed_before():
    assert pages("keep_freed_memory()", 64 << 20) < 10 < pages("", 64 << 20)
    some = "keep_some_freed_memory()"
    assert pages(some, 16 << 20) < 10 < pages("", 16 << 20)
    assert pages(some, 256 << 20) > 10


@ONLY_GLIBC
def test_a_process_with_a_system_keeps_what_it_frees():
    assert pages(LOADING_A_SYSTEM, 16 << 20) < 10
