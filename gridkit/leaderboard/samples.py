"""Clips of a row that a reader can listen to: chosen, cut out of the corpus, kept beside the row.

    samples/
        samples.json         which clips, and which file is what
        HASH.flac .mp4 .webp   sounds, the silent crop, spectrograms, named by their content

The system's best, median and worst clip by the headline, and clips that are the same for every
system of a split. A file named by its content is one file, however many rows show it.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gridkit.corpus.codes import rank_key
from gridkit.errors import ResultError
from gridkit.evaluation.report.cards import best_median_worst, playable_crop
from gridkit.evaluation.report.media import ClipMedia, MediaOf
from gridkit.evaluation.report.spectrogram import spectrogram_image
from gridkit.media.codecs import encode_flac
from gridkit.results.files import Scored
from gridkit.results.strict_json import (
    as_object,
    check_keys,
    check_schema,
    dump,
    optional,
    parse_object,
    read_text,
    typed,
)

SCHEMA = 1
FOLDER = "samples"
SAMPLES_FILE = "samples.json"
SHARED = 1
"""How many clips all systems of a split show."""
SHARED_PLACE = "Same clip for every system"
_WEBP_QUALITY = 85
_KINDS = (".flac", ".mp4", ".webp")


@dataclass(frozen=True)
class Sample:
    """One clip; each file is a name in the folder of samples, None where there is none."""

    place: str
    """`Best`, `Median` or `Worst`, or that it is the same for every system."""
    id: str
    reference: str
    """The recording, FLAC."""
    reference_picture: str
    """Its spectrogram, WebP."""
    system: str | None = None
    """What the system made, FLAC; None where it gives text, or failed."""
    system_picture: str | None = None
    video: str | None = None
    """The silent crop, MP4."""

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files that it names."""
        named = (
            self.reference,
            self.reference_picture,
            self.system,
            self.system_picture,
            self.video,
        )
        return tuple(name for name in named if name is not None)


def make_samples(scored: Scored, media: MediaOf) -> dict[str, bytes]:
    """Return the files of the samples of a result, by name.

    Args:
        scored: the result.
        media: gives sound and pictures of a clip by its id.
    """
    files: dict[str, bytes] = {}
    samples = []
    for place, clip in chosen_clips(scored):
        found = media(clip)
        if found is not None:
            samples.append(_sample(place, clip, found, files))
    content = {"schema": SCHEMA, "samples": [asdict(sample) for sample in samples]}
    return files | {SAMPLES_FILE: f"{dump(content, SAMPLES_FILE, indent=1)}\n".encode()}


def chosen_clips(scored: Scored) -> list[tuple[str, str]]:
    """Return place and id of the clips to show; no clip twice."""
    own = best_median_worst(scored)
    shared = shared_clips(scored.table.ids)
    taken = {clip for _, clip in own}
    return [*own, *((SHARED_PLACE, clip) for clip in shared if clip not in taken)]


def shared_clips(ids: Iterable[str]) -> Sequence[str]:
    """Return the clips that every system with these ids shows, in the splits' order of draws."""
    return sorted(ids, key=rank_key)[:SHARED]


def read_samples(row: Path) -> tuple[Sample, ...]:
    """Read the samples of a row's folder; none where it has none.

    Raises:
        ResultError: the list is damaged, or names a file that is no name of a sample.
    """
    path = row / FOLDER / SAMPLES_FILE
    if not path.is_file():
        return ()
    where = str(path)
    content = parse_object(read_text(path), where)
    check_schema(content, SCHEMA, where)
    check_keys(content, names := ("schema", "samples"), names, where)
    samples = content["samples"]
    if not isinstance(samples, list):
        raise ResultError(f"{where} is damaged: samples is not a list")
    return tuple(_read(as_object(one, where), where) for one in samples)


def sample_bytes(row: Path, name: str) -> bytes:
    """Return the content of a sample's file.

    Raises:
        ResultError: it is not there, or its content is not what its name says.
    """
    path = row / FOLDER / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultError(f"cannot read {path}: {error.strerror}") from error
    if _named(content, Path(name).suffix) != name:
        raise ResultError(f"{path} was changed: its content is not that of its name")
    return content


def _sample(place: str, clip: str, media: ClipMedia, files: dict[str, bytes]) -> Sample:
    def keep(content: bytes, kind: str) -> str:
        name = _named(content, kind)
        files[name] = content
        return name

    made = media.prediction
    return Sample(
        place,
        clip,
        keep(encode_flac(media.reference), ".flac"),
        keep(_picture(media.reference), ".webp"),
        None if made is None else keep(encode_flac(made), ".flac"),
        None if made is None else keep(_picture(made), ".webp"),
        keep(playable_crop(media.crop_mp4), ".mp4") if media.crop_mp4 else None,
    )


def _picture(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    spectrogram_image(samples).convert("RGB").save(file, "WEBP", quality=_WEBP_QUALITY, method=4)
    return file.getvalue()


def _named(content: bytes, kind: str) -> str:
    return hashlib.sha256(content).hexdigest()[:24] + kind


def _read(content: Mapping[str, object], where: str) -> Sample:
    names = list(Sample.__dataclass_fields__)
    check_keys(content, names, names, where)
    found = Sample(
        typed(content, "place", str, where),
        typed(content, "id", str, where),
        typed(content, "reference", str, where),
        typed(content, "reference_picture", str, where),
        *(optional(content, name, str, where) for name in names[4:]),
    )
    for name in found.files:
        stem, kind = Path(name).stem, Path(name).suffix
        if kind not in _KINDS or len(stem) != 24 or set(stem) - set("0123456789abcdef"):
            raise ResultError(f"{where}: {name!r} is not a name of a sample")
    return found
