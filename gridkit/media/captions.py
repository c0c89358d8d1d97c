"""Captions burnt into the pictures of a clip, its sound copied beside them."""

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from gridkit.corpus.records import RATE_FPS
from gridkit.media.video import Video

MARGIN = 0.06
"""Of the height, below the text."""
TEXT_HEIGHT = 0.07
"""Of the height."""


def write_captioned(source: Path, video: Video, captions: Sequence[str], out: Path) -> None:
    """Write an MP4 with one line of text in each frame.

    Args:
        source: the clip, for its sound.
        video: its pictures at 25 fps, T frames.
        captions: T lines; empty for none.
        out: where to.
    """
    frames, height, width = video.luma.shape
    even_height, even_width = height // 2 * 2, width // 2 * 2
    with av.open(str(source)) as given, av.open(str(out), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE_FPS)
        stream.width, stream.height, stream.pix_fmt = even_width, even_height, "yuv420p"
        sound = container.add_stream("aac", rate=16_000) if given.streams.audio else None
        for index in range(frames):
            luma = _with_text(video.luma[index, :even_height, :even_width], captions[index])
            chroma = video.chroma[index, :, : even_height // 2, : even_width // 2]
            packed = np.concatenate(
                [luma.reshape(-1), np.ascontiguousarray(chroma).reshape(-1)]
            ).reshape(-1, even_width)
            frame = av.VideoFrame.from_ndarray(packed, format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=16_000)
            for heard in given.decode(audio=0):
                for piece in resampler.resample(heard):
                    container.mux(sound.encode(piece))
            container.mux(sound.encode(None))


def _with_text(luma: np.ndarray, text: str) -> np.ndarray:
    """Return a copy with a line of white text, edged in black, at the bottom."""
    picture = np.ascontiguousarray(luma).copy()
    if not text:
        return picture
    height, width = picture.shape
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = cv2.getFontScaleFromHeight(font, max(8, int(height * TEXT_HEIGHT)))
    text_width = cv2.getTextSize(text, font, scale, 1)[0][0]
    scale *= min(1.0, 0.95 * width / text_width)
    text_width = cv2.getTextSize(text, font, scale, 1)[0][0]
    place = ((width - text_width) // 2, int(height * (1 - MARGIN)))
    for level, thickness in ((0, 4), (255, 1)):
        cv2.putText(picture, text, place, font, scale, level, thickness, cv2.LINE_AA)
    return picture
