#!/usr/bin/env bash
# What: with glibc, each forward pass of a small convolutional decoder in PyTorch gets thousands of fresh
#   pages from the system, of tensors that the pass before it freed; and the usual setting against that,
#   glibc.malloc.trim_threshold alone, makes it more than twice as bad.
# Versions: torch 2.13.0 (CPU), glibc 2.36 (Debian 12).
# Seen: transposed convolutions from 300 frames to 48,000 samples, minor page faults per forward pass,
#   on one thread, after ten passes to warm up:
#   as it comes                                   3,626
#   trim_threshold=128 MiB                        9,468
#   trim_threshold=128 MiB, mmap_threshold=32 MiB    37
#   glibc maps what is above a threshold that grows with what is freed, up to 32 MiB. Once any threshold is
#   set, it grows no more: every tensor above 128 KiB is mapped, filled with zeros and unmapped.
# Why it matters: for a clip of 3 s our own decoder spends a seventh of its time so, and a benchmark depends
#   on what its process freed before.
# Workaround: set both, by GLIBC_TUNABLES or mallopt(3), or another allocator.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q torch==2.13.0 numpy==2.4.6
cat > decode.py <<'E'
import resource

import torch
from torch import nn


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


torch.set_num_threads(1)
sizes = [(192, 128, 5), (128, 64, 4), (64, 32, 4), (32, 16, 2)]
layers = [nn.ConvTranspose1d(i, o, 2 * stride, stride) for i, o, stride in sizes]
decoder = nn.Sequential(*layers, nn.Conv1d(16, 1, 25)).eval()
frames = torch.randn(1, 192, 300)
with torch.inference_mode():
    for _ in range(10):
        decoder(frames)
    before = faults()
    for _ in range(20):
        decoder(frames)
print((faults() - before) // 20)
E
trim=glibc.malloc.trim_threshold=134217728
unset GLIBC_TUNABLES
plain=$(venv/bin/python decode.py)
one=$(GLIBC_TUNABLES=$trim venv/bin/python decode.py)
both=$(GLIBC_TUNABLES=$trim:glibc.malloc.mmap_threshold=33554432 venv/bin/python decode.py)
echo "as it comes $plain, trim_threshold $one, with mmap_threshold $both"
if ((plain > 20 * both && plain > 500 && one > 2 * plain)); then echo "as stated"; else echo "CHANGED: see above"; exit 1; fi
