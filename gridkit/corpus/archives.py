"""Where GRID is published: the archives, what each one holds, and what is known of their bytes.

Two publishers: Zenodo (record 3625687, CC BY 4.0, md5 of every file in its API) and the
University of Sheffield (no checksums). Speaker s21 was recorded without usable video.

Sources: Cooke et al. 2006, doi 10.5281/zenodo.3625687; the md5s are those that public download
scripts check against. Sizes in MB are 10^6 bytes, rounded.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gridkit.corpus.codes import SPEAKERS, SPEAKERS_WITH_VIDEO, speaker_order
from gridkit.errors import UsageError

Source = Literal["zenodo", "sheffield"]
Content = Literal["video", "audio", "alignments"]

ZENODO_RECORD = "3625687"
ZENODO_API_PATH = f"api/records/{ZENODO_RECORD}"
BASE_URLS: dict[str, str] = {
    "zenodo": "https://zenodo.org",
    "sheffield": "https://spandh.dcs.shef.ac.uk/gridcorpus",
}


@dataclass(frozen=True)
class Archive:
    """One published file and what is known of it beforehand."""

    name: str
    """What it is called on disk."""
    path: str
    """Its path below the publisher's base URL."""
    content: Content
    speaker: str | None
    """The speaker; None where it holds all speakers."""
    size_mb: float | None = None
    size_bytes: int | None = None
    md5: str | None = None


_ZENODO_VIDEO_MD5: dict[str, tuple[float, str]] = {
    "s1": (423.5, "cbd6556668f061b5c3681bc722659b39"),
    "s2": (394.6, "36e513652d9abec68c721221ede557df"),
    "s3": (394.1, "b854132feecda313f0a0c6145131d693"),
    "s4": (491.9, "1bb4543ca0a27fe76e2874845468a016"),
    "s5": (407.2, "895d17182889324dd2453aff0ae49083"),
    "s6": (423.3, "e82a4330653ed81d00c0d2738431e6e7"),
    "s7": (384.1, "ff31aaddf10bbe345aa1a8434b205fd5"),
    "s8": (412.9, "af52367c91e96c20cabb0820046dbd73"),
    "s9": (390.2, "602221e579190b7cb393b4b86a4228bc"),
    "s10": (429.5, "628b4df6915b379e2c050512f661fa04"),
}
_ZENODO_SIZE_BYTES = {"s2": 394_644_122}


def _zenodo_path(name: str) -> str:
    return f"records/{ZENODO_RECORD}/files/{name}?download=1"


def _zenodo_video(speaker: str) -> Archive:
    name = f"{speaker}.zip"
    size_mb, md5 = _ZENODO_VIDEO_MD5.get(speaker, (None, None))
    size_bytes = _ZENODO_SIZE_BYTES.get(speaker)
    return Archive(name, _zenodo_path(name), "video", speaker, size_mb, size_bytes, md5)


ZENODO_ARCHIVES: tuple[Archive, ...] = (
    *(_zenodo_video(speaker) for speaker in SPEAKERS_WITH_VIDEO),
    Archive("alignments.zip", _zenodo_path("alignments.zip"), "alignments", None),
    Archive(
        "audio_25k.zip",
        _zenodo_path("audio_25k.zip"),
        "audio",
        None,
        2600.0,
        md5="4b3ac37b1a258f55d1eebe657de491a9",
    ),
)
SHEFFIELD_ARCHIVES: tuple[Archive, ...] = (
    *(
        Archive(f"{s}.mpg_vcd.zip", f"{s}/video/{s}.mpg_vcd.zip", "video", s)
        for s in SPEAKERS_WITH_VIDEO
    ),
    # Sheffield calls the alignments and the audio both sN.tar; one folder needs two names.
    *(Archive(f"{s}.align.tar", f"{s}/align/{s}.tar", "alignments", s) for s in SPEAKERS),
    *(Archive(f"{s}.audio.tar", f"{s}/audio/{s}.tar", "audio", s) for s in SPEAKERS),
)
_ARCHIVES: dict[str, tuple[Archive, ...]] = {
    "zenodo": ZENODO_ARCHIVES,
    "sheffield": SHEFFIELD_ARCHIVES,
}
_ARCHIVE_SPEAKER = re.compile(r"([sx][1-9][0-9]*)\.")


def archives_for(source: str, speakers: Iterable[str] | None = None) -> tuple[Archive, ...]:
    """Return the archives with the video and the alignments of the speakers asked for.

    Args:
        source: `zenodo` or `sheffield`.
        speakers: such as `["s1", "s2"]`; None for all 33 that have video.

    Raises:
        UsageError: an unknown source, an unknown speaker, or s21, who has no video.

    >>> [archive.name for archive in archives_for("zenodo", ["s2"])]
    ['s2.zip', 'alignments.zip']
    """
    if source not in _ARCHIVES:
        raise UsageError(f"no source {source!r}; GRID can be fetched from {' or '.join(_ARCHIVES)}")
    chosen = {None, *check_speakers(SPEAKERS_WITH_VIDEO if speakers is None else speakers)}
    return tuple(
        archive
        for archive in _ARCHIVES[source]
        if archive.content != "audio" and archive.speaker in chosen
    )


def check_speakers(speakers: Iterable[str]) -> tuple[str, ...]:
    """Return the speakers, each once and in order.

    Raises:
        UsageError: no speaker was named, or one of whom GRID has no video.
    """
    ordered = tuple(sorted(set(speakers), key=speaker_order))
    if not ordered:
        raise UsageError("no speaker given; GRID has s1 to s34")
    unknown = [speaker for speaker in ordered if speaker not in SPEAKERS]
    if unknown:
        raise UsageError(f"GRID has no speaker {', '.join(unknown)}; it has s1 to s34")
    if "s21" in ordered:
        raise UsageError("GRID has no video of s21; leave s21 out (the other 33 have video)")
    return ordered


def archive_speaker(file_name: str) -> str | None:
    """Return the speaker of an archive by its file name; None for an archive of several speakers.

    >>> archive_speaker("s10.mpg_vcd.zip"), archive_speaker("alignments.zip")
    ('s10', None)
    """
    match = _ARCHIVE_SPEAKER.match(file_name)
    return match[1] if match else None
