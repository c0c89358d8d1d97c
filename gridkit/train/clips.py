"""The clips a model is trained on, as arrays on disk: decoded once, then mapped into memory.

A cache folder holds `frames.u8` (N, T, H, W, C), `audio.i16` (N, 48000) and `clips.json`: what
they were made from, their shape and labels. It counts only once `clips.json` is there; until then
`clips.part.jsonl` says how far it is, and a run that was killed goes on there. Test clips never
enter it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import AUDIO_SAMPLES
from gridkit.errors import TrainingError
from gridkit.models.frames import FrameWindow
from gridkit.recipe import Recipe
from gridkit.store.files import write_file

CACHE_FOLDER = "cache"
"""Of a run."""
INDEX_FILE = "clips.json"
FRAMES_FILE = "frames.u8"
AUDIO_FILE = "audio.i16"
PART_FILE = "clips.part.jsonl"
"""A line of what the folder is made from and the shape of its frames, then the labels so far."""
CLIPS_AT_ONCE = 50
"""Clips between two notes of how far it is."""
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


def made_for(recipe: Recipe) -> dict[str, Any]:
    """Return what of a recipe decides its clips: the split, and the input or None.

    As JSON gives it back, with lists for tuples.
    """
    frame_input = None if recipe.input is None else asdict(recipe.input)
    made: dict[str, Any] = json.loads(json.dumps({"split": recipe.split, "input": frame_input}))
    return made


def check(clips: TrainingClips, where: str) -> TrainingClips:
    """Return the clips if they can train a model.

    Raises:
        TrainingError: there are none to train on, or none to validate on.
    """
    for subset in SUBSETS:
        if not clips.ids(subset):
            raise TrainingError(f"{where}: no {subset} clip in this split; prepare its speakers")
    return clips


def check_frames(window: FrameWindow, clips: TrainingClips) -> None:
    """Check that a model can take its windows from the clips.

    Raises:
        TrainingError: they have no frames, or frames of another size or colour.
    """
    if clips.frames is None:
        raise TrainingError("these clips are sound alone; the model needs frames")
    height_px, width_px, colours = clips.frames.shape[2:]
    fits = window.height_px <= height_px and window.width_px <= width_px
    if not fits or window.colours != colours:
        raise TrainingError(
            f"these clips have {width_px} x {height_px} pixels of {colours} colours, and the model "
            f"takes {window.width_px} x {window.height_px} of {window.colours}: they were "
            "made for another recipe, or its [input] is of another colour"
        )


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
    """Writes a cache folder clip by clip, or the rest of one; `close` makes it appear.

    Args:
        folder: where.
        source: what the clips are made from; what lies there from another source goes.
        frame_shape: (T, H, W, C) of every clip, None without frames.
    """

    def __init__(self, folder: Path, source: Mapping[str, Any], frame_shape: Sequence[int] | None):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX_FILE).unlink(missing_ok=True)
        self._folder = folder
        self._head = {
            "source": dict(source),
            "frame_shape": None if frame_shape is None else list(frame_shape),
        }
        sizes = {AUDIO_FILE: 2 * AUDIO_SAMPLES}
        if frame_shape is not None:
            sizes[FRAMES_FILE] = prod(frame_shape)
        self._labels = self._finished(sizes)
        self._kept = self.done
        self._files = {name: (folder / name).open("ab") for name in sizes}
        for name, file in self._files.items():
            file.truncate(self.done * sizes[name])
        lines = [_line(self._head), *(_line(asdict(label)) for label in self._labels)]
        write_file(folder / PART_FILE, "".join(lines).encode())

    @property
    def done(self) -> int:
        """How many clips are there: those of an earlier run, and what was added."""
        return len(self._labels)

    def add(self, label: Label, frames: np.ndarray | None, samples: np.ndarray) -> None:
        """Append one clip.

        Args:
            label: its label.
            frames: uint8 of the folder's shape, where it has frames.
            samples: int16 (48000,).
        """
        shape = self._head["frame_shape"]
        assert samples.shape == (AUDIO_SAMPLES,)
        assert (None if frames is None else list(frames.shape)) == shape
        if frames is not None:
            self._files[FRAMES_FILE].write(frames.tobytes())
        self._files[AUDIO_FILE].write(samples.astype(np.int16).tobytes())
        self._labels.append(label)
        if self.done - self._kept == CLIPS_AT_ONCE:
            self._keep()

    def close(self) -> None:
        """Finish the folder: the index is written last."""
        self._keep()
        for file in self._files.values():
            file.close()
        table = {**self._head, "clips": [asdict(label) for label in self._labels]}
        write_file(self._folder / INDEX_FILE, json.dumps(table).encode())
        (self._folder / PART_FILE).unlink()

    def _finished(self, sizes: Mapping[str, int]) -> list[Label]:
        """Return the labels of the clips that an earlier run from the same source left whole."""
        labels: list[Label] = []
        try:
            head, *lines = (self._folder / PART_FILE).read_text(encoding="utf-8").splitlines()
            if json.loads(head) != self._head:
                return []
            whole = min((self._folder / name).stat().st_size // sizes[name] for name in sizes)
            for line in lines[:whole]:
                labels.append(label_of(json.loads(line)))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # from there on it is damaged, as a line that was being written
        return labels

    def _keep(self) -> None:
        """Bring what was added to the disk, and note it only then."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        with (self._folder / PART_FILE).open("a", encoding="utf-8") as part:
            part.writelines(_line(asdict(label)) for label in self._labels[self._kept :])
            part.flush()
            os.fsync(part.fileno())
        self._kept = self.done


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content) + "\n"


def label_of(entry: Mapping[str, Any]) -> Label:
    """Return a label from its JSON form."""
    words = tuple(Word(**word) for word in entry["words"])
    return Label(entry["id"], entry["subset"], entry["text"], words)
