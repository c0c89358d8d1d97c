"""The clips a model is trained on, as arrays on disk: decoded once, then mapped into memory.

A cache folder holds `frames.u8` (N, T, H, W, C), `audio.i16` (N, 48000) and `clips.json`: what
they were made from, their shape and labels. It appears under its name only when it is whole.
Test clips never enter it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import AUDIO_SAMPLES, FRAMES
from gridkit.errors import TrainingError

INDEX_FILE = "clips.json"
FRAMES_FILE = "frames.u8"
AUDIO_FILE = "audio.i16"
SUBSETS = ("train", "val")


@dataclass(frozen=True)
class Label:
    """What is said in a clip, and where the clip belongs."""

    id: str
    subset: str
    """`train` or `val`."""
    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True)
class TrainingClips:
    """Clips with their labels, joined by position; arrays may be memory-mapped."""

    labels: tuple[Label, ...]
    frames: np.ndarray | None
    """uint8 (N, T, H, W, C), None where only sound is needed."""
    audio: np.ndarray
    """int16 (N, 48000), 16 kHz."""

    def places(self, subset: str) -> np.ndarray:
        """Return the positions of a subset's clips."""
        return np.array([i for i, label in enumerate(self.labels) if label.subset == subset], int)

    def ids(self, subset: str) -> tuple[str, ...]:
        """Return the ids of a subset, sorted."""
        return tuple(sorted(label.id for label in self.labels if label.subset == subset))


def check(clips: TrainingClips, where: str) -> TrainingClips:
    """Return the clips if they can train a model.

    Raises:
        TrainingError: there are none to train on, or none to validate on.
    """
    for subset in SUBSETS:
        if not clips.ids(subset):
            raise TrainingError(f"{where}: no {subset} clip in this split; prepare its speakers")
    return clips


def open_clips(folder: Path) -> tuple[TrainingClips, Mapping[str, Any]] | None:
    """Map a cache folder, and return what it was made from.

    None where there is none, or a damaged one: it is made again.
    """
    try:
        table = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        labels = tuple(label_of(entry) for entry in table["clips"])
        shape = table["frame_shape"]
        frames = None
        if shape is not None:
            frames = np.memmap(folder / FRAMES_FILE, np.uint8, "c", shape=(len(labels), *shape))
        audio = np.memmap(folder / AUDIO_FILE, np.int16, "c", shape=(len(labels), AUDIO_SAMPLES))
        return TrainingClips(labels, frames, audio), table["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


class ClipWriter:
    """Writes a cache folder clip by clip; `close` makes it appear."""

    def __init__(self, folder: Path, source: Mapping[str, Any], with_frames: bool):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._source = folder, source
        (folder / INDEX_FILE).unlink(missing_ok=True)
        self._frames = (folder / FRAMES_FILE).open("wb") if with_frames else None
        self._audio = (folder / AUDIO_FILE).open("wb")
        self._labels: list[Label] = []
        self._shape: Sequence[int] | None = None

    def add(self, label: Label, frames: np.ndarray | None, samples: np.ndarray) -> None:
        """Append one clip.

        Args:
            label: its label.
            frames: uint8 (T, H, W, C), where the cache has frames.
            samples: int16 (48000,).
        """
        assert samples.shape == (AUDIO_SAMPLES,)
        if self._frames is not None:
            assert frames is not None
            assert len(frames) == FRAMES
            self._shape = frames.shape
            self._frames.write(frames.tobytes())
        self._audio.write(samples.astype(np.int16).tobytes())
        self._labels.append(label)

    def close(self) -> None:
        """Finish the folder: the index is written last."""
        for file in (self._frames, self._audio):
            if file is not None:
                file.flush()
                os.fsync(file.fileno())
                file.close()
        table = {
            "source": self._source,
            "frame_shape": self._shape,
            "clips": [asdict(label) for label in self._labels],
        }
        temporary = self._folder / f".{INDEX_FILE}.part"
        temporary.write_text(json.dumps(table), encoding="utf-8")
        temporary.replace(self._folder / INDEX_FILE)


def label_of(entry: Mapping[str, Any]) -> Label:
    """Return a label from its JSON form."""
    words = tuple(Word(**word) for word in entry["words"])
    return Label(entry["id"], entry["subset"], entry["text"], words)
