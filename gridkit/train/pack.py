"""Training clips in one small file, for a machine that has torch, numpy and safetensors alone.

Video is cut into blocks of 15 frames by 8 x 8 pixels, each block transformed by a cosine
transform, divided by `STEP` and rounded, and compressed. A gray 80 x 40 clip takes about 85 KB,
49 KB of them its sound, which is kept to the bit. What is lost is below the noise of the
pictures; it is meant to train on, never to measure with.
"""

import json
import lzma
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gridkit.errors import TrainingError
from gridkit.recipe import Recipe
from gridkit.store.files import sha256_of, write_file
from gridkit.train.clips import (
    CACHE_FOLDER,
    ClipWriter,
    TrainingClips,
    check,
    label_of,
    made_for,
    open_clips,
)

BLOCK = (15, 8, 8)
"""Frames, rows and columns of a block; 75 frames are five."""
STEP = 6.0
"""Coefficients are rounded to multiples of this, of 255 x the root of the block's size."""
FORMAT = 3
_LZMA: dict[str, Any] = {"format": lzma.FORMAT_ALONE, "preset": 6}


def pack_clips(
    clips: TrainingClips, path: Path, recipe: Recipe, advance: Callable[[int, int], None]
) -> None:
    """Write clips to one file.

    Args:
        clips: what to pack.
        path: of the file; it is there whole or not at all.
        recipe: what they were made for; the file says so.
        advance: called after each clip with how many are done, and of how many.
    """
    shape = None if clips.frames is None else clips.frames.shape[1:]
    parts: list[bytes] = []
    for place in range(len(clips.labels)):
        if clips.frames is not None:
            parts.append(encode_frames(clips.frames[place]))
        parts.append(encode_sound(clips.audio[place]))
        advance(place + 1, len(clips.labels))
    index = {
        "format": FORMAT,
        "made_for": made_for(recipe),
        "frame_shape": shape,
        "clips": [asdict(label) for label in clips.labels],
        "sizes": [len(part) for part in parts],
    }
    head = lzma.compress(json.dumps(index).encode(), **_LZMA)
    write_file(path, b"".join([len(head).to_bytes(8, "little"), head, *parts]))


def unpack_clips(path: Path, folder: Path) -> None:
    """Write the clips of a packed file as a cache folder.

    Raises:
        TrainingError: it is not such a file, it is damaged, or of another version.
    """
    source = packed_source(path)
    with _readable(path):
        content = path.read_bytes()
        start, index = _index(path, content)
        writer = ClipWriter(folder, source, index["frame_shape"])
        _write_cache(content, start, index, writer)


def check_pack(path: Path, recipe: Recipe) -> None:
    """Check that a packed file holds the clips that a recipe is trained on.

    Raises:
        TrainingError: it was packed for another split or input; or see `unpack_clips`.
    """
    with _readable(path):
        packed = _parts(_index(path, path.read_bytes())[1]["made_for"])
    wanted = _parts(made_for(recipe))
    differing = [
        f"{name} {packed.get(name, 'none')}, not {wanted.get(name, 'none')}"
        for name in sorted(packed.keys() | wanted.keys())
        if packed.get(name) != wanted.get(name)
    ]
    if differing:
        raise TrainingError(
            f"{path} was packed for another recipe than {recipe.name}: {'; '.join(differing)}; "
            "pack the clips of this one"
        )


def packed_clips(path: Path, out: Path, recipe: Recipe) -> TrainingClips:
    """Return the clips of a packed cache, unpacked into the run's folder where not yet there.

    Raises:
        TrainingError: the file is damaged, was packed for another split or input than the
            recipe's, or has no clip to train or validate on.
    """
    check_pack(path, recipe)
    cache = out / CACHE_FOLDER
    opened = open_clips(cache)
    if opened is None or opened[1] != packed_source(path):
        unpack_clips(path, cache)
        opened = open_clips(cache)
    assert opened is not None
    return check(opened[0], str(path))


def _parts(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a pack was made for under the names that a recipe has for it."""
    frame_input = made["input"] or {}
    return {
        "split": made["split"],
        **{f"[input] {key}": value for key, value in frame_input.items()},
    }


def _index(path: Path, content: bytes) -> tuple[int, dict[str, Any]]:
    """Return where the first clip begins, and the index before it."""
    start = 8 + int.from_bytes(content[:8], "little")
    index: dict[str, Any] = json.loads(lzma.decompress(content[8:start]))
    if index["format"] != FORMAT:
        raise TrainingError(
            f"{path} was packed by another version of gridkit; export it again: "
            "gridkit train RECIPE --data CORPUS --out RUN --export-cache FILE"
        )
    return start, index


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading a packed file into one line."""
    try:
        yield
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}") from error
    except (lzma.LZMAError, ValueError, KeyError) as error:
        raise TrainingError(f"{path} is not a packed cache, or damaged; export it again") from error


def packed_source(path: Path) -> dict[str, str]:
    """Return what a cache folder says it was made from, where that is this packed file.

    Raises:
        TrainingError: it cannot be read.
    """
    try:
        return {"packed": sha256_of(path)}
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}") from error


def _write_cache(content: bytes, start: int, index: dict[str, Any], writer: ClipWriter) -> None:
    shape = index["frame_shape"]
    sizes = iter(index["sizes"])
    for number, entry in enumerate(index["clips"], start=1):
        parts = []
        for _ in ("sound",) if shape is None else ("frames", "sound"):
            end = start + next(sizes)
            parts.append(content[start:end])
            start = end
        if number > writer.done:
            frames = None if shape is None else decode_frames(parts[0], tuple(shape))
            writer.add(label_of(entry), frames, decode_sound(parts[-1]))
    writer.close()


def encode_frames(frames: np.ndarray) -> bytes:
    """Compress frames, uint8 (T, H, W, C)."""
    padding = [(0, -size % block) for size, block in zip(frames.shape, BLOCK, strict=False)]
    blocks = _blocks(np.pad(frames, [*padding, (0, 0)], mode="edge").astype(np.float32) - 128)
    coefficients = np.rint(_transform(blocks, inverse=False) / STEP).astype(np.int16)
    # frequency by frequency: the high ones are nearly all 0 and compress to nothing
    by_frequency = coefficients.reshape(len(coefficients), -1).T
    return _compress_bytewise(by_frequency)


def decode_frames(data: bytes, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return frames, uint8 (T, H, W, C), from `encode_frames`."""
    frames, height, width, colours = shape
    counts = [-(-size // block) for size, block in zip(shape, BLOCK, strict=False)]
    by_frequency = _decompress_bytewise(data).reshape(int(np.prod(BLOCK)), -1)
    blocks = by_frequency.T.reshape(-1, *BLOCK).astype(np.float32) * STEP
    pixels = _transform(blocks, inverse=True) + 128
    joined = pixels.reshape(*counts, colours, *BLOCK).transpose(0, 4, 1, 5, 2, 6, 3)
    whole = joined.reshape(*(n * b for n, b in zip(counts, BLOCK, strict=True)), colours)
    return np.clip(np.rint(whole[:frames, :height, :width]), 0, 255).astype(np.uint8)


def encode_sound(samples: np.ndarray) -> bytes:
    """Compress int16 samples, nothing lost.

    What is stored is each sample's difference from the one before, modulo 65,536; signs are
    folded, 0, -1, 1, -2, ..., so that high bytes are nearly all 0.
    """
    steps = np.diff(samples, prepend=np.int16(0))
    return _compress_bytewise((steps << 1) ^ (steps >> 15))


def decode_sound(data: bytes) -> np.ndarray:
    """Return int16 samples from `encode_sound`."""
    folded = _decompress_bytewise(data).view(np.uint16)
    steps = (folded >> 1).view(np.int16) ^ -(folded & 1).view(np.int16)
    return np.cumsum(steps, dtype=np.int16)


def _compress_bytewise(numbers: np.ndarray) -> bytes:
    """Compress int16 numbers: first all low bytes, then all high ones."""
    halves = np.ascontiguousarray(numbers, "<i2").reshape(-1, 1).view(np.uint8)
    return lzma.compress(halves.T.tobytes(), **_LZMA)


def _decompress_bytewise(data: bytes) -> np.ndarray:
    """Return int16 (N,) from `_compress_bytewise`."""
    halves = np.frombuffer(lzma.decompress(data), np.uint8).reshape(2, -1)
    return np.ascontiguousarray(halves.T).view("<i2").reshape(-1).astype(np.int16)


def _blocks(frames: np.ndarray) -> np.ndarray:
    """Cut (T, H, W, C) into blocks, (N, 15, 8, 8)."""
    depth, height, width = BLOCK
    time, rows, columns, colours = frames.shape
    grid = frames.reshape(
        time // depth, depth, rows // height, height, columns // width, width, colours
    )
    return grid.transpose(0, 2, 4, 6, 1, 3, 5).reshape(-1, *BLOCK)


def _transform(blocks: np.ndarray, *, inverse: bool) -> np.ndarray:
    """Return the orthonormal cosine transform of blocks over their three axes, or its inverse."""
    for axis, size in enumerate(BLOCK, start=1):
        matrix = _cosines(size).T if inverse else _cosines(size)
        blocks = np.moveaxis(np.moveaxis(blocks, axis, -1) @ matrix.T, -1, axis)
    return blocks


def _cosines(size: int) -> np.ndarray:
    """Return the DCT-II as an orthogonal matrix, float32 (size, size)."""
    order, place = np.arange(size)[:, None], np.arange(size)
    matrix = np.sqrt(2 / size) * np.cos(np.pi * (place + 0.5) * order / size)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)
