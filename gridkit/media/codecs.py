"""Crops to MP4 and back, sound to FLAC and back; the same input gives the same bytes.

A crop is H.264 in MP4 (4:2:0, full range, 25 fps), which browsers play and every decoder
decodes to the same pixels, or FFV1 in MP4, lossless. x264 runs with one thread and without
mbtree, which made bytes and pixels vary between runs on pictures this small. Gray crops carry
neutral chroma, and are marked full range: otherwise players squeeze their values.
"""

import io

import av
import av.error
import numpy as np
import soundfile

from gridkit.corpus.records import RATE_FPS, SAMPLE_RATE_HZ
from gridkit.errors import MediaError
from gridkit.media.video import Planes, plane_pixels

CRF = 13
NEUTRAL_CHROMA = 128

_H264_OPTIONS = {
    "preset": "veryfast",
    "crf": str(CRF),
    "threads": "1",
    "x264-params": "mbtree=0:fullrange=on:colormatrix=smpte170m",
}
_FFV1_OPTIONS = {"level": "3", "slices": "4", "threads": "1"}


def encode_crop(planes: Planes, *, lossless: bool = False) -> bytes:
    """Return a crop as an MP4 file: H.264 at CRF 13, or FFV1 where `lossless`.

    Args:
        planes: full-range frames; height and width even.
        lossless: keep every value; about six times the size.
    """
    frames, height, width = planes.luma.shape
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        container.flags |= av.container.Flags.bitexact.value
        stream = container.add_stream("ffv1" if lossless else "libx264", rate=RATE_FPS)
        context = stream.codec_context
        context.options = dict(_FFV1_OPTIONS if lossless else _H264_OPTIONS)
        context.width, context.height = width, height
        context.pix_fmt = "gray" if lossless and planes.chroma is None else "yuv420p"
        context.color_range = av.video.reformatter.ColorRange.JPEG
        context.colorspace = av.video.reformatter.Colorspace.SMPTE170M
        context.thread_count = 1
        for index in range(frames):
            frame = _frame(planes, index, context.pix_fmt)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return file.getvalue()


def decode_crop(mp4: bytes) -> Planes:
    """Return the frames of a crop that `encode_crop` made.

    A crop whose chroma is neutral in every pixel comes back as gray.

    Raises:
        MediaError: the bytes are not such a file.
    """
    try:
        with av.open(io.BytesIO(mp4)) as container:
            container.streams.video[0].codec_context.thread_count = 1
            frames = [
                [plane_pixels(plane) for plane in frame.planes]
                for frame in container.decode(video=0)
            ]
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise MediaError(f"a crop cannot be decoded: {error}") from error
    if not frames:
        raise MediaError("a crop without frames")
    luma = np.stack([planes[0] for planes in frames])
    if len(frames[0]) == 1:
        return Planes(luma, None)
    chroma = np.stack([np.stack(planes[1:3]) for planes in frames])
    return Planes(luma, None if (chroma == NEUTRAL_CHROMA).all() else chroma)


def encode_flac(samples: np.ndarray) -> bytes:
    """Return int16 mono samples at 16 kHz as a FLAC file."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def decode_flac(flac: bytes) -> tuple[np.ndarray, int]:
    """Return int16 samples, (N,) where mono, else (N, channels), and the rate in Hz.

    Raises:
        MediaError: the bytes are not a sound file.
    """
    try:
        samples, rate_hz = soundfile.read(io.BytesIO(flac), dtype="int16")
    except soundfile.LibsndfileError as error:
        raise MediaError(f"sound cannot be decoded: {error}") from error
    return samples, rate_hz


def _frame(planes: Planes, index: int, pix_fmt: str) -> av.VideoFrame:
    luma = planes.luma[index]
    if pix_fmt == "gray":
        frame = av.VideoFrame.from_ndarray(luma, format="gray")
    else:
        height, width = luma.shape
        packed = np.full((height * 3 // 2, width), NEUTRAL_CHROMA, np.uint8)
        packed[:height] = luma
        if planes.chroma is not None:
            packed[height:].reshape(-1)[:] = planes.chroma[index].reshape(-1)
        frame = av.VideoFrame.from_ndarray(packed, format="yuv420p")
    frame.color_range = av.video.reformatter.ColorRange.JPEG
    frame.pts = index
    return frame
