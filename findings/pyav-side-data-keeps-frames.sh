#!/usr/bin/env bash
# What: asking a decoded frame for its side data, or only for how many pieces there are, keeps the
#   frame in memory until Python's garbage collector runs.
# Versions: PyAV 18.1.0.
# Seen: 75 pictures decoded in a loop that keeps none, collector off.
#   without asking:             2 frames are alive at the end
#   len(frame.side_data):      76 frames are alive; after gc.collect() none
# Why it matters: side data is where rotation and mirroring of a picture stand. A 4K picture has
#   12 MB outside of Python, which the collector does not count, so it runs late: a loop over a few
#   seconds of 4K takes a gigabyte more.
# Workaround: look at the side data of the first frame alone, or call gc.collect() now and then.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q av==18.1.0 numpy==2.4.6
venv/bin/python - <<'E'
import gc
import sys

import av
import numpy as np

PICTURES = 75
with av.open("made.mp4", "w") as container:
    stream = container.add_stream("mpeg4", rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for number in range(PICTURES):
        picture = np.full((48, 64, 3), number, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode(None))


def alive() -> int:
    return sum(isinstance(one, av.VideoFrame) for one in gc.get_objects())


def decode(ask: bool) -> int:
    gc.collect()
    gc.disable()
    with av.open("made.mp4") as container:
        for frame in container.decode(video=0):
            if ask:
                len(frame.side_data)
        found = alive()
    del frame
    gc.enable()
    return found


plain, asked = decode(ask=False), decode(ask=True)
gc.collect()
left = alive()
print(f"frames alive after {PICTURES} pictures: {plain} without asking, {asked} with len(frame.side_data)")
print(f"after gc.collect(): {left}")
if plain > 3 or asked < PICTURES or left > 3:
    sys.exit("CHANGED: frames are kept otherwise than stated")
print("as stated")
E
