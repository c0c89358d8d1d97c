"""A clip as a picture over time: frames, spectrogram, and each word where it is said."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import FRAMES, RATE_FPS
from gridkit.evaluation.report.spectrogram import spectrogram_image

WIDTH_PX = 900
STRIP_FRAMES = 12
SPECTROGRAM_HEIGHT_PX = 128
LABEL_HEIGHT_PX = 26
FONT_PX = 15
COLOURS = 64
"""Of the palette: enough for gray mouths and the spectrogram, at half the bytes of 256."""

_PAPER, _INK = (255, 255, 255), (40, 40, 40)


@dataclass(frozen=True)
class Picture:
    """A picture that a notebook shows."""

    png: bytes = field(repr=False)
    """The PNG file."""

    def _repr_png_(self) -> bytes:
        return self.png


def draw_clip(
    title: str,
    frames: np.ndarray | None,
    sounds: Mapping[str, np.ndarray],
    words: Sequence[Word],
) -> Picture:
    """Draw a clip, 900 pixels wide; 3 s go from left to right.

    Args:
        title: a line above.
        frames: uint8 (75, h, w) or (75, h, w, 3), or None: then there is no strip of them.
        sounds: label to int16 (48000,), 16 kHz; a spectrogram each, one below the other.
        words: with their times.
    """
    parts = [_title(title)]
    if frames is not None:
        parts.append(_strip(frames))
    parts += [_spectrogram(label, samples) for label, samples in sounds.items()]
    parts.append(_words(words))
    page = Image.new("RGB", (WIDTH_PX, sum(part.height for part in parts)), _PAPER)
    top = 0
    for part in parts:
        page.paste(part, (0, top))
        top += part.height
    file = io.BytesIO()
    page.quantize(COLOURS).save(file, "PNG", optimize=True)
    return Picture(file.getvalue())


def _title(text: str) -> Image.Image:
    line = Image.new("RGB", (WIDTH_PX, LABEL_HEIGHT_PX), _PAPER)
    ImageDraw.Draw(line).text((2, 3), text, _INK, ImageFont.load_default(FONT_PX))
    return line


def _strip(frames: np.ndarray) -> Image.Image:
    """Return frames evenly spaced over the clip, each in the middle of its stretch of time."""
    width = WIDTH_PX // STRIP_FRAMES
    height = round(width * frames.shape[1] / frames.shape[2])
    strip = Image.new("RGB", (WIDTH_PX, height), _PAPER)
    for place in range(STRIP_FRAMES):
        frame = frames[int((place + 0.5) * len(frames) / STRIP_FRAMES)]
        strip.paste(Image.fromarray(frame).resize((width, height)), (place * width, 0))
    return strip


def _spectrogram(label: str, samples: np.ndarray) -> Image.Image:
    image = spectrogram_image(samples).convert("RGB")
    image = image.resize((WIDTH_PX, SPECTROGRAM_HEIGHT_PX))
    ImageDraw.Draw(image).text((6, 3), label, _PAPER, ImageFont.load_default(FONT_PX))
    return image


def _words(words: Sequence[Word]) -> Image.Image:
    line = Image.new("RGB", (WIDTH_PX, LABEL_HEIGHT_PX), _PAPER)
    draw, font = ImageDraw.Draw(line), ImageFont.load_default(FONT_PX)
    scale = WIDTH_PX * RATE_FPS / FRAMES
    for word in words:
        start, end = word.start_s * scale, word.end_s * scale
        draw.line((start, 2, start, 8), _INK)
        draw.text(((start + end) / 2, 4), word.word, _INK, font, anchor="ma")
    return line
