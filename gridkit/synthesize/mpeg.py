"""Write a clip as GRID's are: an MPEG program stream, MPEG-1 video and MP2 sound.

Video is 360 x 288 at 25 fps, sound 44.1 kHz in two equal channels; both begin at time 0.
GRID's sound is 114 MP2 frames, 2.978 s; so is this.

Source: the streams of the clips of Zenodo record 3625687.
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

AUDIO_RATE_HZ = 44_100
AUDIO_SAMPLES = 114 * 1152
_VIDEO_BITS_PER_S = 1_150_000
_AUDIO_BITS_PER_S = 128_000
_MP2_DELAY_SAMPLES = 481
"""What the MP2 encoder puts in front; as many samples of the clip's begin are left out for it."""


def write_mpeg(path: Path, pictures: np.ndarray, samples: np.ndarray) -> None:
    """Write one clip; equal input gives equal bytes.

    Args:
        path: the file, overwritten.
        pictures: RGB uint8 (T, H, W, 3), H and W even.
        samples: int16 (N,), mono at 44.1 kHz, written to both channels.
    """
    with av.open(
        str(path), "w", format="mpeg", options={"fflags": "+bitexact", "preload": "0"}
    ) as container:
        video = container.add_stream("mpeg1video", rate=25)
        video.height, video.width = pictures.shape[1:3]
        video.pix_fmt = "yuv420p"
        video.bit_rate = _VIDEO_BITS_PER_S
        video.codec_context.gop_size = 12
        video.codec_context.thread_count = 1  # slices would depend on the number of cores
        video.codec_context.flags |= av.codec.context.Flags.bitexact
        audio = container.add_stream("mp2", rate=AUDIO_RATE_HZ)
        audio.layout = "stereo"
        audio.bit_rate = _AUDIO_BITS_PER_S
        audio.codec_context.flags |= av.codec.context.Flags.bitexact
        packets = [
            packet for picture in _video_frames(pictures) for packet in video.encode(picture)
        ]
        packets += video.encode(None)
        packets += audio.encode(_audio_frame(samples)) + audio.encode(None)
        packets.sort(key=lambda packet: packet.pts * packet.time_base)
        for packet in packets:
            packet.dts = packet.pts  # no frame is reordered; the clock then starts at 0
            container.mux(packet)


def _video_frames(pictures: np.ndarray) -> list[av.VideoFrame]:
    frames = []
    for index, picture in enumerate(pictures):
        planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        frames.append(frame)
    return frames


def _audio_frame(samples: np.ndarray) -> av.AudioFrame:
    interleaved = np.repeat(samples[_MP2_DELAY_SAMPLES:], 2)[np.newaxis]
    frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout="stereo")
    frame.sample_rate, frame.pts = AUDIO_RATE_HZ, _MP2_DELAY_SAMPLES
    frame.time_base = Fraction(1, AUDIO_RATE_HZ)
    return frame
