#!/usr/bin/env bash
# What: H.264 with B-frames in AVI, encoded and decoded by PyAV. The frames come in the order in which
#   they are shown, but each has the time of another: `frame.time` goes back every few frames.
# Versions: PyAV 18.1.0 (its wheel brings FFmpeg 8.1.2 and libx264).
# Seen: 75 frames at 25 per second, each brighter than the one before.
#   MP4  times 0, 0.04, 0.08, 0.12, ... in order
#   AVI  times 0.04, 0.12, 0.16, 0.08, ...: 25 steps backwards, none at 0; brightness rises all the same
#   Sorted by time, the frames of the AVI are in a wrong order. AVI keeps no presentation times; PyAV
#   gives those of decoding, where it could give None.
# Why it matters: code that sorts frames by time, picks "the frame at 0.12 s" or joins labels by time
#   gets the wrong frame, up to two frames off, without an error.
# Workaround: for AVI, count: index / stream.average_rate, in the order that decode() gives.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q av==18.1.0 numpy==2.4.6
venv/bin/python - <<'E'
import sys
from fractions import Fraction

import av
import numpy as np

frames = 75


def write(path):
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "1", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.max_b_frames = 2
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), 16 + 2 * index, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def read(path):
    with av.open(path) as file:
        return [(float(frame.time), int(frame.to_ndarray()[0, 0])) for frame in file.decode(video=0)]


seen = {}
for path in ("a.mp4", "a.avi"):
    write(path)
    pairs = read(path)
    times, bright = [time for time, _ in pairs], [value for _, value in pairs]
    sorted_by_time = [value for _, value in sorted(pairs)]
    back = sum(later <= earlier for earlier, later in zip(times, times[1:]))
    seen[path] = len(pairs), bright == sorted(bright), back, sorted_by_time == bright
    off = max(abs(time * 25 - index) for index, time in enumerate(times))
    print(f"{path}: {len(pairs)} frames, times {times[:6]}, {back} steps backwards, up to {off:.0f} frames off;")
    print(f"       shown in order: {seen[path][1]}, in order after sorting by time: {seen[path][3]}")
same = seen["a.mp4"] == (frames, True, 0, True) and seen["a.avi"] == (frames, True, 25, False)
print("as stated" if same else "CHANGED: times and order are otherwise")
sys.exit(not same)
E
