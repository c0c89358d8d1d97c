#!/usr/bin/env bash
# What: `ffmpeg -i clip.mp4 -c copy clip.avi` of 25 pictures per second writes an AVI that says 600 per
#   second and 24 times as many frames.
# Versions: FFmpeg 9.0.2, the program of imageio-ffmpeg 0.8.1; read by OpenCV 5.0.0 (5.0.0.93), PyAV 18.1.0.
# Seen: 75 frames, MPEG-4 in MP4, copied:
#   to MKV or MOV               25 per second
#   to AVI                      CAP_PROP_FPS 600, CAP_PROP_FRAME_COUNT 1800; 75 frames are read
#                               PyAV: average_rate 600, frames 1800, guessed_rate 25
#   to AVI with `-r 25` added   25 and 75
#   ffmpeg prints no warning; its log says "25 fps, 600 tbn", and the AVI takes the 600.
# Why it matters: old lipreading code wants .avi, and this is the quick way to it. index / fps is then 24
#   times too small, a preallocated array is 24 times too long, and a sampler of frames seeks past the end.
# Workaround: `-r RATE` before the output's name; or count the frames by reading them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q imageio-ffmpeg==0.8.1 opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6
venv/bin/python - <<'E'
import subprocess
import sys

import av
import cv2
import imageio_ffmpeg


def ffmpeg(*arguments):
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def facts(path):
    video, read = cv2.VideoCapture(path), 0
    while video.read()[0]:
        read += 1
    with av.open(path) as file:
        stream = file.streams.video[0]
        rates = int(stream.average_rate), int(stream.guessed_rate)
    seen = round(video.get(cv2.CAP_PROP_FPS)), round(video.get(cv2.CAP_PROP_FRAME_COUNT)), read, *rates
    print("{:9} OpenCV {} per second, {} frames, {} read; PyAV average {}, guessed {}".format(path, *seen))
    return seen


ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=3", "-c:v", "mpeg4", "-bf", "0", "clip.mp4")
right, wrong = (25, 75, 75, 25, 25), (600, 1800, 75, 600, 25)
seen = [facts("clip.mp4")]
for name, *rate in (("clip.mkv",), ("clip.mov",), ("clip.avi",), ("rate.avi", "-r", "25")):
    ffmpeg("-i", "clip.mp4", "-c", "copy", *rate, name)
    seen.append(facts(name))
same = seen == [right, right, right, wrong, right]
print("as stated" if same else "CHANGED: other rates")
sys.exit(not same)
E
