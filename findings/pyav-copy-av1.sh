#!/usr/bin/env bash
# What: PyAV cannot copy the pictures of an AV1 file into another file, as its documentation copies any
#   stream: add_stream_from_template looks for an encoder that has the name of the decoder, libdav1d.
# Versions: PyAV 18.1.0 (its wheel, with FFmpeg's libdav1d and SVT-AV1).
# Seen: of ten pictures in H.264, HEVC, VP9 and AV1, three are copied to MP4; the fourth raises
#   UnknownCodecError: libdav1d
#   With opaque=True all four are copied, ten packets each, and decode.
# Why it matters: many phones, browsers and screen recorders write AV1, and a tool that was tried with H.264
#   ends with a traceback on it, after its work and not before.
# Workaround: add_stream_from_template(stream, opaque=True), which takes the stream's parameters alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q av==18.1.0 numpy==2.4.6
cat > copy_pictures.py <<'P'
import av
import numpy as np

ENCODERS = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}


def encode(name):
    with av.open(f"{name}.mp4", "w") as file:
        stream = file.add_stream(ENCODERS[name], rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        if name == "av1":
            stream.options = {"preset": "12"}
        for level in range(0, 250, 25):
            picture = np.full((96, 64), level, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        file.mux(stream.encode(None))


def copy(name, **how):
    with av.open(f"{name}.mp4") as source, av.open("copy.mp4", "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0], **how)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with av.open("copy.mp4") as copied:
        return sum(1 for _ in copied.decode(video=0))


for name in ENCODERS:
    encode(name)
    try:
        plain = copy(name)
    except Exception as error:
        plain = f"{type(error).__name__} {error}"
    print(name, "plain:", plain, "opaque:", copy(name, opaque=True))
P
venv/bin/python copy_pictures.py 2>/dev/null > seen || { cat seen; echo "CHANGED: see above"; exit 1; }
cat seen
cat > stated <<'S'
h264 plain: 10 opaque: 10
hevc plain: 10 opaque: 10
vp9 plain: 10 opaque: 10
av1 plain: UnknownCodecError libdav1d opaque: 10
S
if diff stated seen; then echo "as stated"; else echo "CHANGED: see above"; exit 1; fi
