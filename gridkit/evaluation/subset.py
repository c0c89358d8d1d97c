"""One subset of a split, as the corpus holds it: what is true, and the input of a system."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridkit.corpus.codes import split_id
from gridkit.corpus.records import AUDIO_SAMPLES, SAMPLE_RATE_HZ
from gridkit.corpus.splits import SUBSETS, Split, hash_ids, import_split
from gridkit.errors import CorpusError, MediaError, SplitError, UsageError
from gridkit.evaluation.predictions.records import Reference
from gridkit.media.codecs import decode_crop, decode_flac
from gridkit.media.crops import to_rgb
from gridkit.store.parquet import read_batches
from gridkit.store.reader import Corpus
from gridkit.store.schema import crop_column

SOUND_COLUMNS = ("id", "text", "audio")


@dataclass(frozen=True)
class Subset:
    """The clips that a system is scored on."""

    corpus: Corpus
    split: Split
    name: str
    """`train`, `val` or `test`."""

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The kept clips, sorted by id."""
        return self.kept(self.name)

    @cached_property
    def missing(self) -> int:
        """How many clips of the definition the corpus does not hold."""
        return len(self.split.ids(self.name)) - len(self.ids)

    def references(self) -> Iterator[Reference]:
        """Yield what is true of each clip, sorted by id, reading a few at a time."""
        return self._references(self.name)

    def train_references(self) -> Iterator[Reference]:
        """Yield the split's train clips, sorted by id, for the controls that learn from them."""
        return self._references("train")

    @cached_property
    def corpus_sha256(self) -> str:
        """The hash of ids and reference samples that makes two results comparable."""
        digest = hashlib.sha256()
        for reference in self.references():
            digest.update(reference.id.encode())
            digest.update(np.asarray(reference.samples, "<i2").tobytes())
        return digest.hexdigest()

    def facts(self) -> dict[str, object]:
        """Return what a result says of the split."""
        return {
            "name": self.split.name,
            "subset": self.name,
            "sha256": self.split.sha256(self.name),
            "scored_sha256": hash_ids(self.ids),
            "n": len(self.ids),
        }

    def frames_of(self, profile: str) -> Callable[[str], np.ndarray]:
        """Return what gives the frames of a clip: uint8 (T, H, W), or (T, H, W, 3) RGB."""
        column = crop_column(profile)
        gray = self.corpus.file.profiles[profile]["colour"] == "gray"

        def frames(clip: str) -> np.ndarray:
            planes = decode_crop(self.corpus.row(clip, [column])[column]["bytes"])
            return planes.luma if gray else to_rgb(planes)

        return frames

    def input_of(self, crop: str | None) -> Callable[[str], np.ndarray]:
        """Return what gives the input of a system: frames of its crop, or sound if it has none."""
        return self._sound if crop is None else self.frames_of(crop)

    def _sound(self, clip: str) -> np.ndarray:
        return read_sound(self.corpus.row(clip, ["audio"])["audio"]["bytes"], clip)

    def kept(self, subset: str) -> tuple[str, ...]:
        """Return the clips of a subset of the split that the corpus keeps, sorted by id."""
        wanted = set(self.split.ids(subset))
        kept = self.corpus.manifest.kept(["id"]).column("id")
        return tuple(sorted(clip for clip in pc.unique(kept).to_pylist() if clip in wanted))

    def _references(self, subset: str) -> Iterator[Reference]:
        for row in self._rows(subset):
            samples = read_sound(row["audio"]["bytes"], row["id"])
            yield Reference(row["id"], row["text"], samples)

    def _rows(self, subset: str) -> Iterator[dict[str, Any]]:
        """Yield the sound of clips, sorted by id, a shard at a time.

        A corpus lists s2 before s10, ids do not. A shard holds clips of one speaker by code, so
        the order of ids goes through each shard once, and no sound waits in memory.
        """
        ids = self.kept(subset)
        here = self.corpus.manifest.kept(["id", "shard"])
        here = here.filter(pc.is_in(here.column("id"), pa.array(ids, pa.string())))
        shard_of = dict(zip(*(column.to_pylist() for column in here.columns), strict=True))
        for shard, clips in groupby(ids, key=shard_of.__getitem__):
            wanted = pa.array(list(clips))
            for batch in read_batches(self.corpus.folder / str(shard), SOUND_COLUMNS):
                yield from batch.filter(pc.is_in(batch.column("id"), wanted)).to_pylist()


def open_subset(corpus: Corpus, text: str) -> Subset:
    """Return the subset that `NAME`, or a file, names; `test` where no `:subset` follows.

    Args:
        corpus: what holds the clips.
        text: `NAME` or `NAME:subset`; NAME is a split of the corpus or a list of clips with a
            subset in each line, as `prepare --split-file` takes it.

    Raises:
        UsageError: no such split or subset.
        SplitError: a list that cannot be read as one.
        CorpusError: the corpus holds no clip of it.
    """
    name, _, subset = text.partition(":")
    subset = subset or "test"
    splits = {split.name: split for split in corpus.splits}
    if name not in splits and Path(name).is_file():
        listed = _read_list(Path(name))
        if listed.name in splits:
            raise UsageError(
                f"--split {text}: there is a split {listed.name} already; rename the file"
            )
        splits[name] = listed
    if name not in splits or subset not in SUBSETS:
        raise UsageError(
            f"--split {text}: expected NAME, FILE or NAME:subset; {corpus.folder} has the splits "
            f"{', '.join(splits)}, with the subsets {', '.join(SUBSETS)}"
        )
    found = Subset(corpus, splits[name], subset)
    if not found.ids:
        raise CorpusError(
            f"{corpus.folder} holds no clip of {name}:{subset}; `gridkit info {corpus.folder}` "
            "says what is there"
        )
    return found


def _read_list(path: Path) -> Split:
    """Return a list as a split named like its file.

    Its test is one of unseen speakers where it names other clips, none of them of a test speaker.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SplitError(f"--split {path}: cannot be read: {error}") from error
    split = import_split(path.stem, {"": text})
    speakers = {name: {split_id(clip)[0] for clip in split.ids(name)} for name in SUBSETS}
    others = speakers["train"] | speakers["val"]
    return replace(split, unseen_speakers=bool(others) and not others & speakers["test"])


def read_sound(flac: bytes, where: str | Path) -> np.ndarray:
    """Return the samples of a stored sound, int16 (48000,).

    Raises:
        CorpusError: it is damaged, or of another rate or length.
    """
    try:
        samples, rate_hz = decode_flac(flac)
    except MediaError as error:
        raise CorpusError(f"{where}: {error}; see gridkit validate") from error
    if rate_hz != SAMPLE_RATE_HZ or samples.shape != (AUDIO_SAMPLES,):
        raise CorpusError(f"{where}: sound of {samples.shape} samples at {rate_hz} Hz, not 3 s")
    return samples
