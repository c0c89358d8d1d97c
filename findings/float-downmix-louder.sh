#!/usr/bin/env bash
# What: stereo to mono by FFmpeg's resampler is 3 dB louder when the result is float than when it is
#   16-bit, for the same sound.
# Versions: PyAV 18.1.0 (its wheel brings FFmpeg 8.1.2, libswresample 6.3).
# Seen: a sine of peak 0.244 in both channels (a mono recording in a stereo file):
#   to s16 or s16p mono  0.244   (0.00 dB)      to flt or fltp mono  0.345  (+3.01 dB), any input format
#   The two coefficients are 0.707 each; for integers they are scaled down to a sum of 1. So a mono
#   recording at full scale leaves [-1, 1] in float, by 41 %.
# Why it matters: levels, thresholds for silence and clipping, and "the same" training data read by two
#   paths differ by 3 dB. Speech corpora hold many mono recordings in stereo files.
# Workaround: resample with layout="stereo" and take the mean of the channels.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q av==18.1.0 numpy==2.4.6
venv/bin/python - <<'E'
import sys

import av
import numpy as np

rate_hz = 16_000
sine = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype(np.int16)
both = np.stack([sine, sine])
inputs = {"s16p": both, "fltp": (both / 32768).astype(np.float32)}


def peak(source, target, layout="mono"):
    frame = av.AudioFrame.from_ndarray(inputs[source], format=source, layout="stereo")
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler(format=target, layout=layout, rate=rate_hz)
    parts = [part.to_ndarray() for part in (*resampler.resample(frame), *resampler.resample(None))]
    samples = np.concatenate(parts, axis=1).astype(float).mean(axis=0)
    return np.abs(samples).max() / (32768 if target.startswith("s16") else 1)


true = 8000 / 32768
gains = {}
for source in inputs:
    for target in ("s16", "s16p", "flt", "fltp"):
        gains[source, target] = 20 * np.log10(peak(source, target) / true)
        print(f"{source} stereo -> {target:4} mono {gains[source, target]:+.2f} dB")
by_hand = 20 * np.log10(peak("s16p", "fltp", layout="stereo") / true)
print(f"mean of the two channels   {by_hand:+.2f} dB")
same = abs(by_hand) < 0.02 and all(
    abs(gain - (3.01 if target.startswith("flt") else 0)) < 0.02 for (_, target), gain in gains.items()
)
print("as stated" if same else "CHANGED: other gains")
sys.exit(not same)
E
