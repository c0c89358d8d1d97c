"""`preview.png`: a contact sheet of mouths, to check a corpus by eye.

48 clips spread evenly over the speakers; of each, three frames of its longest word. Where there are
several crop profiles, the first clip in each of them. The same corpus gives the same picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridkit.corpus.alignment import Word
from gridkit.corpus.codes import speaker_order
from gridkit.corpus.records import FRAMES, RATE_FPS, ManifestRow
from gridkit.errors import CorpusError
from gridkit.media.codecs import decode_crop
from gridkit.media.video import Planes
from gridkit.store.corpus_file import CorpusFile
from gridkit.store.files import write_file
from gridkit.store.manifest import Manifest, counted
from gridkit.store.parquet import read_batches
from gridkit.store.schema import crop_column

PREVIEW_NAME = "preview.png"
PREFERRED_PROFILE = "mouth96"
CLIPS = 48
COLUMNS = 8
PICTURE_HEIGHT_PX = 72
LABEL_HEIGHT_PX = 20
TITLE_HEIGHT_PX = 34
GAP_PX = 12
SEAM_PX = 2
PLACES = (0.25, 0.5, 0.75)
"""Where in the word the frames are taken."""

_BACKGROUND, _INK, _FAINT = (250, 250, 250), (40, 40, 40), (120, 120, 120)


@dataclass(frozen=True)
class Strip:
    """Pictures of one clip with their label."""

    name: str
    """Id of the clip, or name of a profile."""
    detail: str
    """The word, or the size of the crop."""
    pictures: tuple[np.ndarray, ...]
    """uint8 (h, w, 3) each, BGR."""


def write_preview(
    folder: Path,
    file: CorpusFile,
    rows: Iterable[ManifestRow],
) -> None:
    """Draw the contact sheet of the shards in a folder; nothing where no clip is kept.

    Args:
        folder: the corpus; its shards are there.
        file: what it is.
        rows: its manifest.

    Raises:
        CorpusError: a shard is missing or damaged.
        DiskFullError, EnvironmentProblem: the picture cannot be written.
    """
    chosen = choose_rows(rows)
    if not chosen or not file.profiles:
        return
    profile = preview_profile(file.profiles)
    strips = [_strip(folder, row, profile) for row in chosen]
    title = f"{len(strips)} of {file.counts.kept} clips, {profile}, gridkit {file.gridkit_version}"
    sheet = draw_sheet(strips, title)
    if len(file.profiles) > 1:
        crops = [_as_crop(_strip(folder, chosen[0], name), name) for name in sorted(file.profiles)]
        title = f"{chosen[0].id} in each crop profile, all drawn {PICTURE_HEIGHT_PX} px high"
        sheet = _below(sheet, draw_sheet(crops, title))
    write_file(folder / PREVIEW_NAME, png(sheet))


def preview_profile(profiles: Iterable[str]) -> str:
    """Return the profile to show: the default one where the corpus has it."""
    names = sorted(profiles)
    return names[0] if names and PREFERRED_PROFILE not in names else PREFERRED_PROFILE


def choose_rows(rows: Iterable[ManifestRow], count: int = CLIPS) -> tuple[ManifestRow, ...]:
    """Choose kept clips: every speaker in turn, evenly spaced by code; in speaker order."""
    manifest = Manifest.of(rows)
    speaker_of_row = pc.if_else(
        pc.and_(manifest.is_kept, pc.is_valid(manifest.table.column("shard"))),
        pc.fill_null(manifest.table.column("speaker"), ""),
        pa.scalar(None, pa.string()),
    )
    there = counted(speaker_of_row.drop_null())
    speakers = sorted(there, key=speaker_order)
    share = dict.fromkeys(speakers, 0)
    left = min(count, sum(there.values()))
    while left:
        for speaker in speakers:
            if left and share[speaker] < there[speaker]:
                share[speaker] += 1
                left -= 1
    chosen: list[ManifestRow] = []
    for speaker in (speaker for speaker in speakers if share[speaker]):
        own = manifest.take(pc.fill_null(pc.equal(speaker_of_row, speaker), False))
        clips = sorted(own, key=lambda row: row.code or "")
        chosen += [clips[index * len(clips) // share[speaker]] for index in range(share[speaker])]
    return tuple(chosen)


def longest_word(words: Sequence[Word]) -> Word:
    """Return the word that lasts longest, the first of equals."""
    return max(words, key=lambda word: round(word.end_s - word.start_s, 6))


def draw_sheet(strips: Sequence[Strip], title: str) -> np.ndarray:
    """Return the sheet, uint8 (H, W, 3), BGR."""
    cells = [_cell(strip) for strip in strips]
    height, width = (max(cell.shape[axis] for cell in cells) for axis in (0, 1))
    columns = min(COLUMNS, len(cells))
    lines = -(-len(cells) // columns)
    sheet_width = max(GAP_PX + columns * (width + GAP_PX), 420)
    sheet_height = TITLE_HEIGHT_PX + lines * (height + GAP_PX)
    sheet = np.full((sheet_height, sheet_width, 3), _BACKGROUND, np.uint8)
    _write(sheet, title, (GAP_PX, 22), 0.5, _FAINT)
    for index, cell in enumerate(cells):
        line, column = divmod(index, columns)
        y = TITLE_HEIGHT_PX + line * (height + GAP_PX)
        x = GAP_PX + column * (width + GAP_PX)
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet


def png(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 (H, W, 3), BGR, as a PNG file."""
    _, encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return encoded.tobytes()


def picture_of(planes: Planes, frame: int) -> np.ndarray:
    """Return one frame of a crop, uint8 (h, w, 3), BGR."""
    luma = planes.luma[frame]
    if planes.chroma is None:
        return cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR)
    height, width = luma.shape
    cb, cr = (cv2.resize(plane, (width, height)) for plane in planes.chroma[frame])
    return cv2.cvtColor(np.dstack([luma, cr, cb]), cv2.COLOR_YCrCb2BGR)


def _strip(folder: Path, row: ManifestRow, profile: str) -> Strip:
    column = crop_column(profile)
    for batch in read_batches(folder / str(row.shard), ["id", "words", column]):
        ids = batch.column("id").to_pylist()
        if row.id in ids:
            record = batch.slice(ids.index(row.id), 1).to_pylist()[0]
            word = longest_word([Word(**word) for word in record["words"]])
            planes = decode_crop(record[column]["bytes"])
            pictures = tuple(picture_of(planes, frame) for frame in _frames_of(word))
            return Strip(str(row.id), word.word, pictures)
    raise CorpusError(f"{folder / str(row.shard)}: no clip {row.id}, though the manifest has it")


def _as_crop(strip: Strip, profile: str) -> Strip:
    height, width = strip.pictures[0].shape[:2]
    return Strip(profile, f"{width} x {height} px", strip.pictures)


def _below(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    width = max(upper.shape[1], lower.shape[1])
    sheet = np.full((len(upper) + len(lower), width, 3), _BACKGROUND, np.uint8)
    sheet[: len(upper), : upper.shape[1]] = upper
    sheet[len(upper) :, : lower.shape[1]] = lower
    return sheet


def _frames_of(word: Word) -> list[int]:
    times = [word.start_s + place * (word.end_s - word.start_s) for place in PLACES]
    return [min(FRAMES - 1, int(time * RATE_FPS)) for time in times]


def _cell(strip: Strip) -> np.ndarray:
    seam = np.full((PICTURE_HEIGHT_PX, SEAM_PX, 3), _BACKGROUND, np.uint8)
    pictures = [part for picture in strip.pictures for part in (seam, _to_height(picture))]
    row = np.hstack(pictures[1:])
    label = np.full((LABEL_HEIGHT_PX, row.shape[1], 3), _BACKGROUND, np.uint8)
    _write(label, strip.name, (0, 14), 0.42, _INK)
    text_width = cv2.getTextSize(strip.name, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0]
    _write(label, strip.detail, (text_width + 10, 14), 0.42, _FAINT)
    return np.vstack([row, label])


def _to_height(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    size = (round(width * PICTURE_HEIGHT_PX / height), PICTURE_HEIGHT_PX)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _write(
    picture: np.ndarray,
    text: str,
    place: tuple[int, int],
    scale: float,
    colour: tuple[int, int, int],
) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
