"""What `gridkit.open_corpus` returns: a prepared corpus whose clips decode themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gridkit.api.html import table_html
from gridkit.api.picture import draw_clip
from gridkit.corpus import records
from gridkit.corpus.codes import clip_id
from gridkit.corpus.splits import SUBSETS
from gridkit.errors import CorpusError
from gridkit.evaluation.subset import read_sound
from gridkit.media.codecs import decode_crop
from gridkit.media.crops import to_rgb
from gridkit.prepare.from_hub import local_corpus
from gridkit.store import reader
from gridkit.store.preview import preview_profile


@dataclass(frozen=True, eq=False, repr=False)
class Clip(records.Clip):
    """A clip of a corpus: its record, which also decodes frames and sound."""

    gray_crops: frozenset[str] = frozenset()
    """Profiles whose frames are gray."""

    @cached_property
    def samples(self) -> np.ndarray:
        """The reference audio, int16 (48000,), 16 kHz."""
        return read_sound(self.audio_flac, self.id)

    def frames(self, crop: str | None = None) -> np.ndarray:
        """Return the frames as a system gets them.

        Args:
            crop: a crop profile; None for mouth96, or the first one where it is not there.

        Returns:
            uint8, (75, height, width) where the profile is gray, else (75, height, width, 3) RGB.

        Raises:
            CorpusError: the corpus has no such crop, or it is damaged.
        """
        crop = crop or preview_profile(self.crops)
        if crop not in self.crops:
            raise CorpusError(
                f"the corpus of {self.id} has no crop {crop!r}; it has "
                f"{', '.join(self.crops) or 'none'} (add it: gridkit prepare ... --crop {crop})"
            )
        planes = decode_crop(self.crops[crop])
        return planes.luma if crop in self.gray_crops else to_rgb(planes)

    def __repr__(self) -> str:
        """Return id, sentence and crops."""
        return f"Clip({self.id!r}, {self.text!r}, crops {', '.join(self.crops) or 'none'})"

    def _repr_png_(self) -> bytes:
        """Return a picture: frames, spectrogram and words over time."""
        frames = self.frames() if self.crops else None
        return draw_clip(self.id, frames, {"": self.samples}, self.words).png


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """A prepared corpus, opened for reading.

    It has a length, gives a clip by its id, and yields its clips; nothing is read before it is
    asked for.
    """

    stored: reader.Corpus
    """The corpus as the commands read it."""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.stored.folder

    @property
    def crops(self) -> tuple[str, ...]:
        """Its crop profiles."""
        return tuple(self.stored.file.profiles)

    @property
    def splits(self) -> Mapping[str, Mapping[str, int]]:
        """Each split with the number of clips that are here, by subset."""
        return {
            name: {subset: part.here for subset, part in split.subsets.items()}
            for name, split in self.stored.file.splits.items()
        }

    def ids(self, split: str | None = None) -> tuple[str, ...]:
        """Return the ids of clips, by speaker and code.

        Args:
            split: as `clips` takes it.

        Raises:
            CorpusError: no such split or subset.
        """
        name, subset = _name_and_subset(split)
        columns = ["speaker", "code"]
        return tuple(
            clip_id(row["speaker"], row["code"])
            for batch in self.stored.batches(columns, split=name, subset=subset)
            for row in batch.to_pylist()
        )

    def clips(
        self, split: str | None = None, *, crops: Sequence[str] | None = None
    ) -> Iterator[Clip]:
        """Yield clips by speaker and code, reading a few at a time.

        Args:
            split: `NAME:SUBSET`, such as `s1:train`; `NAME` for all its subsets; None for every
                clip of the corpus.
            crops: whose crops to read; None for all.

        Raises:
            CorpusError: no such split, subset or crop, or a shard is missing or damaged.
        """
        name, subset = _name_and_subset(split)
        for record in self.stored.clips(name, subset, profiles=crops):
            yield self._opened(record)

    def __iter__(self) -> Iterator[Clip]:
        """Yield every clip."""
        return self.clips()

    def __getitem__(self, clip: str) -> Clip:
        """Return a clip by its id, such as `s1/bbaf2n`.

        Raises:
            CorpusError: no such clip, or its shard is missing or damaged.
        """
        return self._opened(self.stored.clip(clip))

    def __contains__(self, clip: object) -> bool:
        """Tell whether there is a clip of this id."""
        return self.stored.holds(clip)

    def __len__(self) -> int:
        """Return the number of clips."""
        return self.stored.file.counts.kept

    def __repr__(self) -> str:
        """Return what it holds, on one line."""
        shown = ", ".join(name for name, here in self.splits.items() if any(here.values()))
        return f"Corpus({str(self.folder)!r}: {self._summary()}; splits {shown or 'none'})"

    def _repr_html_(self) -> str:
        file = self.stored.file
        rows = [
            (name, *(str(number) for number in here.values()), file.splits[name].description)
            for name, here in self.splits.items()
            if any(here.values())
        ]
        caption = f"{self.folder}: {self._summary()}"
        return table_html(("split", *SUBSETS, ""), rows, caption)

    def _summary(self) -> str:
        speakers = sum(counts.kept > 0 for counts in self.stored.file.counts.speakers.values())
        crops = ", ".join(self.crops) or "none"
        return f"{len(self)} clips of {speakers} speakers; crops {crops}"

    def _opened(self, record: records.Clip) -> Clip:
        profiles = self.stored.file.profiles
        gray = frozenset(name for name in profiles if profiles[name]["colour"] == "gray")
        return Clip(**vars(record), gray_crops=gray)


def open_corpus(place: str | Path) -> Corpus:
    """Open a prepared corpus; see `gridkit.open_corpus`."""
    return Corpus(reader.open_corpus(local_corpus(str(place))))


def _name_and_subset(split: str | None) -> tuple[str | None, str | None]:
    name, _, subset = (split or "").partition(":")
    return name or None, subset or None
