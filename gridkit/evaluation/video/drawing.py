"""The pictures of a comparison video: from a scene and a time to an RGB frame, 1280 x 720.

A title card for each clip, then for each of its sounds a stage (all that stays still), on which
each moment puts the picture of the clip, the playhead and the word that is spoken. Nothing here
reads or writes files.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from gridkit.corpus.records import CLIP_S, FRAMES, RATE_FPS
from gridkit.evaluation.report.spectrogram import spectrogram_image
from gridkit.evaluation.video.lettering import (
    ACCENT,
    BAD,
    FIELD,
    INK,
    LINE,
    PAPER,
    SOFT,
    font,
    write,
    write_marked,
)
from gridkit.evaluation.video.scenes import ORIGINAL, Scene, Take
from gridkit.results.wording import LAG, LAG_SIZE, describe

WIDTH_PX, HEIGHT_PX = 1280, 720
MOST_FIGURES = 5
MOST_TRANSCRIPTS = 2
UNSHOWN = tuple(describe(name).label for name in (LAG, LAG_SIZE))
"""Labels of figures that say little of one clip."""
UNPLAYED = 0.5
"""Brightness of what the playhead has not reached."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the frame, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Left, top, and the last pixel to the right and below."""
        return self.left, self.top, self.left + self.width - 1, self.top + self.height - 1

    @property
    def place(self) -> tuple[slice, slice]:
        """Where it is in an array (h, w, 3)."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


MARGIN = 40
PICTURE = Box(MARGIN, 138, 488, 488)
RIGHT = Box(568, 138, WIDTH_PX - MARGIN - 568, 488)
SOUND = Box(RIGHT.left, 238, RIGHT.width, 190)
"""The spectrogram of a system."""
ORIGINAL_SOUND = Box(RIGHT.left, 190, RIGHT.width, 306)
"""The spectrogram of the original while it is heard."""
WORDS_HEIGHT_PX = 26
WORD_PX, WORD_GAP_PX = 18, 6
"""Size of the font, and the least space between two words."""
STRIP = Box(RIGHT.left, 460, RIGHT.width, 62)
"""The spectrogram of the original below that of a system."""
TRANSCRIPTS_TOP = 544
TRANSCRIPT_HEIGHT_PX = 50
TRANSCRIPT_PX = 26
LONE_TRANSCRIPT_PX = 38
"""Of the font, where there is one transcript."""
TRACK_TOP, TRACK_HEIGHT_PX, TRACK_GAP = 660, 5, 10


def draw_title(scene: Scene) -> np.ndarray:
    """Return the title card of a clip, uint8 (720, 1280, 3) RGB: its sentence, and what follows."""
    page = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), PAPER)
    draw = ImageDraw.Draw(page)
    width = WIDTH_PX - 2 * MARGIN
    middle = WIDTH_PX / 2
    write(draw, (middle, 158), scene.choice.why, 26, ACCENT, width_px=width, anchor="ma")
    write(draw, (middle, 212), scene.sentence, 76, width_px=width, anchor="ma")
    write(draw, (middle, 318), scene.choice.id, 26, SOFT, width_px=width, anchor="ma")
    order = "   /   ".join(take.name for take in scene.takes)
    write(draw, (middle, 440), order, 28, width_px=width, anchor="ma")
    write(draw, (middle, 664), scene.credit, 18, SOFT, width_px=width, anchor="ma")
    return np.asarray(page)


def draw_stage(scene: Scene, place: int) -> np.ndarray:
    """Return what stays still while one sound is heard, uint8 (720, 1280, 3) RGB.

    Args:
        scene: the clip.
        place: of the sound among its takes.
    """
    page = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), PAPER)
    draw = ImageDraw.Draw(page)
    take = scene.takes[place]
    _head(draw, scene)
    write(draw, (RIGHT.left, RIGHT.top - 6), take.name, 34, ACCENT, width_px=RIGHT.width)
    if place == 0:
        _paste_sound(page, ORIGINAL_SOUND, take)
    else:
        _figures(draw, take)
        _main_panel(page, draw, take)
        _paste_sound(page, STRIP, scene.takes[0])
        at = STRIP.left + 8, STRIP.top + 4
        draw.text(at, ORIGINAL, INK, font(16), stroke_width=2, stroke_fill=PAPER)
    if take.samples is not None or place == 0:
        _transcripts(draw, take)
    _spoken(draw, scene, place, None)
    for number, track in enumerate(_tracks(scene)):
        draw.rectangle(track.corners, ACCENT if number < place else LINE)
        write(
            draw,
            (track.left, track.top + 14),
            scene.takes[number].name,
            16,
            INK if number == place else SOFT,
            width_px=track.width,
        )
    return np.asarray(page)


def draw_moment(stage: np.ndarray, scene: Scene, place: int, frame: int) -> np.ndarray:
    """Return one frame of the video, uint8 (720, 1280, 3) RGB.

    Args:
        stage: of the same scene and place.
        scene: the clip.
        place: of the sound among its takes.
        frame: of the clip, 0 to 74.
    """
    picture = stage.copy()
    target = _picture_box(scene.frames)
    size = (target.width, target.height)
    picture[target.place] = cv2.resize(scene.frames[frame], size, interpolation=cv2.INTER_CUBIC)
    time_s = (frame + 0.5) / RATE_FPS
    if place == 0:
        _play(picture, ORIGINAL_SOUND, time_s)
    else:
        if scene.takes[place].samples is not None:
            _play(picture, SOUND, time_s)
        _play(picture, STRIP, time_s)
    track = _tracks(scene)[place]
    done = round(track.width * (frame + 1) / FRAMES)
    picture[track.top : track.top + track.height, track.left : track.left + done] = ACCENT
    row = Box(RIGHT.left, _words_top(place), RIGHT.width, WORDS_HEIGHT_PX)
    line = Image.fromarray(picture[row.place])
    _spoken(ImageDraw.Draw(line), scene, place, time_s, origin=(row.left, row.top))
    picture[row.place] = np.asarray(line)
    return picture


def _head(draw: ImageDraw.ImageDraw, scene: Scene) -> None:
    write(draw, (MARGIN, 24), scene.choice.id, 20, SOFT, width_px=300)
    right = WIDTH_PX - MARGIN
    write(draw, (right, 24), scene.choice.why, 20, SOFT, width_px=right - 360, anchor="ra")
    write(draw, (MARGIN, 56), scene.sentence, 46, width_px=right - MARGIN)


def _figures(draw: ImageDraw.ImageDraw, take: Take) -> None:
    """Write figures in columns: the label above, the value below."""
    shown = [figure for figure in take.figures if figure[0] not in UNSHOWN][:MOST_FIGURES]
    column = RIGHT.width // MOST_FIGURES
    for number, (label, value) in enumerate(shown):
        left = RIGHT.left + number * column
        write(draw, (left, 180), label, 15, SOFT, width_px=column - 8)
        colour = ACCENT if number == 0 else INK
        write(draw, (left, 199), value, 25, colour, width_px=column - 8)


def _main_panel(page: Image.Image, draw: ImageDraw.ImageDraw, take: Take) -> None:
    """Draw a system's spectrogram; of one without sound, what it gave instead."""
    if take.samples is not None:
        _paste_sound(page, SOUND, take)
        return
    draw.rectangle(SOUND.corners, FIELD)
    left, width = SOUND.left + 20, SOUND.width - 40
    write(draw, (left, SOUND.top + 16), take.why_silent, 20, SOFT, width_px=width)
    for transcript in take.transcripts[:1]:
        write_marked(draw, (left, SOUND.top + 74), transcript.words, 44, width)
        write(draw, (left, SOUND.top + 146), _errors(transcript.errors), 20, SOFT, width_px=width)


def _transcripts(draw: ImageDraw.ImageDraw, take: Take) -> None:
    shown = take.transcripts[:MOST_TRANSCRIPTS]
    size_px = LONE_TRANSCRIPT_PX if len(shown) == 1 else TRANSCRIPT_PX
    for number, transcript in enumerate(shown):
        top = TRANSCRIPTS_TOP + number * TRANSCRIPT_HEIGHT_PX
        nothing = "" if any(word.transcribed for word in transcript.words) else " nothing"
        label = f"{transcript.transcriber} heard{nothing}"
        taken = write(draw, (RIGHT.left, top), label, 16, SOFT, width_px=RIGHT.width - 200)
        colour = BAD if transcript.errors else ACCENT
        left = RIGHT.left + taken + 18
        write(draw, (left, top), _errors(transcript.errors), 16, colour, width_px=180)
        write_marked(draw, (RIGHT.left, top + 19), transcript.words, size_px, RIGHT.width)


def _errors(count: int) -> str:
    return {0: "every word right", 1: "1 word wrong"}.get(count, f"{count} words wrong")


def _spoken(
    draw: ImageDraw.ImageDraw,
    scene: Scene,
    place: int,
    time_s: float | None,
    origin: tuple[int, int] = (0, 0),
) -> None:
    """Write the words below the spectrogram where they are spoken; at a time, that one alone."""
    top, free = _words_top(place) + 4 - origin[1], 0.0
    colour = SOFT if time_s is None else ACCENT
    for word in scene.words:
        width = font(WORD_PX).getlength(word.word)
        middle = RIGHT.left + (word.start_s + word.end_s) / 2 / CLIP_S * RIGHT.width
        # a short word may have no room between its neighbours: the next ones move to the right
        left = max(middle - width / 2, free)
        free = left + width + WORD_GAP_PX
        if time_s is None or word.start_s <= time_s < word.end_s:
            draw.text((left - origin[0], top), word.word, colour, font(WORD_PX))


def _words_top(place: int) -> int:
    sound = ORIGINAL_SOUND if place == 0 else SOUND
    return sound.top + sound.height


def _paste_sound(page: Image.Image, box: Box, take: Take) -> None:
    if take.samples is not None:
        image = spectrogram_image(take.samples).convert("RGB")
        page.paste(image.resize((box.width, box.height)), (box.left, box.top))


def _play(picture: np.ndarray, box: Box, time_s: float) -> None:
    """Dim what the playhead has not reached, and draw it, in place."""
    rows, _ = box.place
    at = box.left + min(box.width - 2, round(box.width * time_s / CLIP_S))
    rest = picture[rows, at : box.left + box.width]
    rest[:] = (rest * UNPLAYED).astype(np.uint8)
    picture[rows, at - 1 : at + 2] = INK


def _picture_box(frames: np.ndarray) -> Box:
    """Return where the pictures of a clip stand: as large as they fit, in the middle."""
    height, width = frames.shape[1:3]
    scale = min(PICTURE.width / width, PICTURE.height / height)
    width, height = round(width * scale), round(height * scale)
    return Box(
        PICTURE.left + (PICTURE.width - width) // 2,
        PICTURE.top + (PICTURE.height - height) // 2,
        width,
        height,
    )


def _tracks(scene: Scene) -> list[Box]:
    """Return the bars at the bottom, one for each sound, that show how far the clip is."""
    count = len(scene.takes)
    width = (WIDTH_PX - 2 * MARGIN - (count - 1) * TRACK_GAP) // count
    return [
        Box(MARGIN + number * (width + TRACK_GAP), TRACK_TOP, width, TRACK_HEIGHT_PX)
        for number in range(count)
    ]
