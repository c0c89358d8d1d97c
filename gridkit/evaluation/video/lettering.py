"""Text on the pictures of a comparison video: sizes that fit, wrong words marked."""

from collections.abc import Sequence
from functools import cache

from PIL import ImageDraw, ImageFont

from gridkit.evaluation.report.confusion import WordPair

PAPER, FIELD, LINE = (16, 21, 26), (29, 38, 46), (66, 78, 90)
INK, SOFT, ACCENT, BAD = (233, 237, 240), (155, 168, 179), (82, 199, 189), (255, 143, 88)

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SMALLEST_PX = 13
GAP = 0.4
"""Between words, as a share of the size of the font."""
_NOT_IN_FONT = str.maketrans({"\N{MINUS SIGN}": "-"})


@cache
def font(size_px: int) -> Font:
    """Return Pillow's own font in a size, so that every machine draws the same letters."""
    return ImageFont.load_default(size_px)


def printable(text: str) -> str:
    """Return a text with what the font lacks replaced.

    >>> printable("\\N{MINUS SIGN}0.012")
    '-0.012'
    """
    return text.translate(_NOT_IN_FONT)


def fitting(text: str, width_px: int, size_px: int) -> tuple[str, Font]:
    """Return a text, and the font in which it takes at most a width; a long one is cut.

    Args:
        text: one line.
        width_px: the width.
        size_px: of the font, if the text is short enough.

    >>> fitting("lipnet", 300, 32)[0], fitting("results/" + 40 * "very-", 200, 32)[0]
    ('lipnet', 'results/very-very-very-very-v...')
    """
    text = printable(text)
    while font(size_px).getlength(text) > width_px and size_px > SMALLEST_PX:
        size_px -= 1
    kept = text
    while kept and font(size_px).getlength(text) > width_px:
        kept = kept[:-1]
        text = f"{kept}..."
    return text, font(size_px)


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size_px: int,
    colour: Colour = INK,
    *,
    width_px: int,
    anchor: str = "la",
) -> float:
    """Write a line that takes at most a width; return how many pixels it takes."""
    shown, found = fitting(text, width_px, size_px)
    draw.text(at, shown, colour, found, anchor=anchor)
    return found.getlength(shown)


def write_marked(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    words: Sequence[WordPair],
    size_px: int,
    width_px: int,
) -> None:
    """Write a transcript: wrong words underlined, missing ones struck through, all in one line.

    Args:
        draw: the picture.
        at: left and top.
        words: aligned with what was said.
        size_px: of the font, if the words are short enough.
        width_px: the width of the line.
    """
    shown = [printable(word.transcribed or word.said) for word in words]
    gaps = max(0, len(words) - 1)
    while size_px > SMALLEST_PX and (
        sum(map(font(size_px).getlength, shown)) + gaps * GAP * size_px > width_px
    ):
        size_px -= 1
    found = font(size_px)
    left, top = at
    for text, word in zip(shown, words, strict=True):
        width = found.getlength(text)
        if left + width > at[0] + width_px:
            draw.text((left, top), "...", SOFT, found)
            return
        missing = not word.transcribed
        draw.text((left, top), text, SOFT if missing else INK if word.right else BAD, found)
        if not word.right:
            line = top + (0.72 if missing else 1.25) * size_px
            draw.line((left, line, left + width, line), BAD, max(2, size_px // 12))
        left += width + GAP * size_px
